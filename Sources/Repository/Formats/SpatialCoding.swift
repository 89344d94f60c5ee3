// SPDX-License-Identifier: GPL-3.0-or-later
// Polynomials over an image, and images that vary with them, in a file.

internal import HDF5
internal import Imaging
internal import SkyGeometry

/// The largest order that a file may ask for; fits use a tenth of it.
private let largestOrder = 64

extension SpatialBasis {
  func write(to object: some HDF5Object) throws {
    switch family {
    case .polynomial: try object.setAttribute("family", "polynomial")
    case .chebyshev(let box):
      try object.setAttribute("family", "chebyshev")
      try object.setAttribute("domain", [box.minX, box.minY, box.maxX, box.maxY])
    }
    try object.setAttribute("order", order)
  }

  init(reading object: some HDF5Object) throws {
    let order = try object.integer("order", in: 0...largestOrder)
    switch try object.string("family") {
    case "polynomial": self.init(.polynomial, order: order)
    case "chebyshev":
      let edges = try object.doubles("domain", count: 4)
      let box = Box2D(minX: edges[0], minY: edges[1], maxX: edges[2], maxY: edges[3])
      guard edges.allSatisfy({ $0.isFinite }), !box.isEmpty else {
        throw FormatError(file: object.file, object: "\(object.path)@domain", reason: "\(edges) is no box with an area")
      }
      self.init(.chebyshev(box), order: order)
    case let family:
      throw FormatError(
        file: object.file, object: "\(object.path)@family", reason: "\(family) is not polynomial or chebyshev")
    }
  }
}

extension SpatialFunction {
  /// Coefficients in the order 1, x, y, x², xy, y² and so on.
  func write(to group: HDF5Group, _ name: String) throws {
    try basis.write(to: try group.write(name, coefficients))
  }

  init(reading dataset: HDF5Dataset) throws {
    let basis = try SpatialBasis(reading: dataset)
    try dataset.requireShape([basis.termCount])
    try self.init(basis, coefficients: try dataset.read(Double.self))
  }
}

extension Image<Double> {
  /// Images of one size, as one array of shape (count, height, width).
  static func write(_ images: [Image<Double>], to group: HDF5Group, _ name: String) throws -> HDF5Dataset {
    guard let first = images.first else { preconditionFailure("there is an image") }
    return try group.write(name, images.flatMap(\.pixels), shape: [images.count, first.height, first.width])
  }

  /// Images with their first pixel at (0, 0).
  ///
  /// - Parameter count: how many there must be.
  static func read(_ dataset: HDF5Dataset, count: Int) throws -> [Image<Double>] {
    guard dataset.shape.count == 3, dataset.shape[0] == count, dataset.shape[1] > 0, dataset.shape[2] > 0,
      dataset.shape[1] <= 8192, dataset.shape[2] <= 8192
    else {
      throw FormatError(
        file: dataset.file, object: dataset.path,
        reason: "shape \(dataset.shape), expected \(count) images of up to 8192²")
    }
    let pixels = try dataset.read(Double.self)
    let box = Box2I(width: dataset.shape[2], height: dataset.shape[1])
    return try (0..<count).map { try Image(box: box, pixels: Array(pixels[$0 * box.area..<($0 + 1) * box.area])) }
  }
}

extension Kernel {
  /// One image a term, with the terms' polynomial as attributes.
  func write(to group: HDF5Group, _ name: String) throws -> HDF5Dataset {
    let dataset = try Image.write(planes, to: group, name)
    try basis.write(to: dataset)
    return dataset
  }

  init(reading dataset: HDF5Dataset) throws {
    let basis = try SpatialBasis(reading: dataset)
    try self.init(planes: try Image.read(dataset, count: basis.termCount), basis: basis)
  }
}
