// SPDX-License-Identifier: GPL-3.0-or-later
// Several columns that are one thing.

package import SkyGeometry

/// A position on the pixel grid: columns `NAME_x` and `NAME_y`.
package struct PointKey: Hashable, Sendable {
  package let x: Key<Double>
  package let y: Key<Double>

  /// Finds the columns.
  ///
  /// - Throws: ``CatalogError``.
  package init(_ name: String, in schema: Schema) throws(CatalogError) {
    x = try schema.key(name + "_x")
    y = try schema.key(name + "_y")
  }

  /// Adds the columns.
  ///
  /// - Throws: ``CatalogError``.
  package init(adding name: String, to schema: inout Schema, unit: String = "pixel", doc: String) throws(CatalogError) {
    x = try schema.addField(name + "_x", unit: unit, doc: doc + ", x")
    y = try schema.addField(name + "_y", unit: unit, doc: doc + ", y")
  }
}

/// Second moments: columns `NAME_xx`, `NAME_yy` and `NAME_xy`.
package struct QuadrupoleKey: Hashable, Sendable {
  package let xx: Key<Double>
  package let yy: Key<Double>
  package let xy: Key<Double>

  /// - Throws: ``CatalogError``.
  package init(_ name: String, in schema: Schema) throws(CatalogError) {
    xx = try schema.key(name + "_xx")
    yy = try schema.key(name + "_yy")
    xy = try schema.key(name + "_xy")
  }

  /// - Throws: ``CatalogError``.
  package init(adding name: String, to schema: inout Schema, unit: String = "pixel^2", doc: String) throws(CatalogError)
  {
    xx = try schema.addField(name + "_xx", unit: unit, doc: doc + ", xx")
    yy = try schema.addField(name + "_yy", unit: unit, doc: doc + ", yy")
    xy = try schema.addField(name + "_xy", unit: unit, doc: doc + ", xy")
  }
}

/// The covariance of some quantities: standard errors `NAME_aErr`, and covariances `NAME_a_b_Cov` where the schema has them.
package struct CovarianceMatrixKey: Hashable, Sendable {
  package let errors: [Key<Float>]
  /// By row and column, the row being the smaller index; missing ones count as 0.
  private let covariances: [[Key<Float>?]]

  /// - Throws: ``CatalogError``.
  package init(_ name: String, _ quantities: [String], in schema: Schema) throws(CatalogError) {
    var errors: [Key<Float>] = []
    for quantity in quantities { errors.append(try schema.key("\(name)_\(quantity)Err")) }
    self.errors = errors
    covariances = quantities.indices.map { i in
      quantities.indices.map { j in
        i < j ? try? schema.key("\(name)_\(quantities[i])_\(quantities[j])_Cov", as: Float.self) : nil
      }
    }
  }

  /// Adds the columns.
  ///
  /// - Parameter withCovariances: whether also those off the diagonal.
  /// - Throws: ``CatalogError``.
  package init(
    adding name: String, _ quantities: [String], units: [String], to schema: inout Schema, withCovariances: Bool,
    doc: String
  ) throws(CatalogError) {
    guard units.count == quantities.count else {
      throw .lengthMismatch(what: "the number of units of \(name)", found: units.count, expected: quantities.count)
    }
    for (quantity, unit) in zip(quantities, units) {
      try schema.addField(
        "\(name)_\(quantity)Err", as: Float.self, unit: unit, doc: "\(doc), standard error of \(quantity)")
    }
    if withCovariances {
      for i in quantities.indices {
        for j in quantities.indices where j > i {
          try schema.addField(
            "\(name)_\(quantities[i])_\(quantities[j])_Cov", as: Float.self, unit: "\(units[i]) \(units[j])",
            doc: "\(doc), covariance of \(quantities[i]) and \(quantities[j])")
        }
      }
    }
    try self.init(name, quantities, in: schema)
  }

  /// The matrix of a row, row by row.
  package func matrix(of catalog: Catalog, row: Int) -> [[Double]] {
    errors.indices.map { i in
      errors.indices.map { j in
        if i == j {
          let error = Double(catalog[errors[i], row])
          return error * error
        }
        return covariances[min(i, j)][max(i, j)].map { Double(catalog[$0, row]) } ?? 0
      }
    }
  }

  /// Puts a matrix into a row, as far as there are columns for it.
  package func set(_ matrix: [[Double]], in catalog: inout Catalog, row: Int) {
    precondition(matrix.count == errors.count && matrix.allSatisfy { $0.count == errors.count })
    for i in errors.indices {
      catalog[errors[i], row] = Float(matrix[i][i].squareRoot())
      for j in errors.indices where j > i {
        if let key = covariances[i][j] { catalog[key, row] = Float(matrix[i][j]) }
      }
    }
  }
}

/// A position on the sky: columns `NAME_ra` and `NAME_dec`, in degrees.
package struct CoordKey: Hashable, Sendable {
  package let ra: Key<Angle>
  package let dec: Key<Angle>

  /// - Throws: ``CatalogError``.
  package init(_ name: String = "coord", in schema: Schema) throws(CatalogError) {
    ra = try schema.key(name + "_ra")
    dec = try schema.key(name + "_dec")
  }

  /// - Throws: ``CatalogError``.
  package init(adding name: String = "coord", to schema: inout Schema, doc: String) throws(CatalogError) {
    ra = try schema.addField(name + "_ra", unit: "deg", doc: doc + ", right ascension (ICRS)")
    dec = try schema.addField(name + "_dec", unit: "deg", doc: doc + ", declination (ICRS)")
  }
}

extension Catalog {
  package subscript(key: PointKey, row: Int) -> Point2D {
    get { Point2D(x: self[key.x, row], y: self[key.y, row]) }
    set {
      self[key.x, row] = newValue.x
      self[key.y, row] = newValue.y
    }
  }

  package subscript(key: CoordKey, row: Int) -> SpherePoint {
    get { SpherePoint(ra: self[key.ra, row], dec: self[key.dec, row]) }
    set {
      self[key.ra, row] = newValue.ra
      self[key.dec, row] = newValue.dec
    }
  }

  /// Second moments xx, yy, xy.
  package subscript(key: QuadrupoleKey, row: Int) -> SIMD3<Double> {
    get { SIMD3(self[key.xx, row], self[key.yy, row], self[key.xy, row]) }
    set {
      self[key.xx, row] = newValue.x
      self[key.yy, row] = newValue.y
      self[key.xy, row] = newValue.z
    }
  }
}
