// SPDX-License-Identifier: GPL-3.0-or-later
// Which mask planes a source touches.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_PixelFlags`: which mask planes a source touches (detection-measurement B.8).
///
/// For each plane: `flag_P` for any pixel of the footprint, `flag_PCenter` for any of the 3×3 pixels about the centroid,
/// `flag_PCenterAll` for all of them. A plane that the image lacks is set nowhere.
package struct PixelFlagsConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package static let requiredSlots: [Slot] = []

  package var masksFpAnywhere: [String] = []
  package var masksFpCenter: [String] = []

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "masksFpAnywhere", \.masksFpAnywhere, count: 0...32, doc: "more planes to look for in the footprint",
      requirement: "a name of letters, digits and _", eachItem: { Field.isName("a" + $0) }),
    .field(
      "masksFpCenter", \.masksFpCenter, count: 0...32, doc: "more planes to look for about the centroid",
      requirement: "a name of letters, digits and _", eachItem: { Field.isName("a" + $0) }),
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    try PixelFlags(name, self, addingTo: &schema)
  }
}

private struct PixelFlags: MeasurementPlugin {
  /// A plane and the flags that tell of it; `nil` for those that nobody asked for.
  private struct Plane {
    let name: String
    var anywhere: Key<Bool>?
    var center: Key<Bool>?
    var centerAll: Key<Bool>?
  }

  private static let planesOfOld = [
    ("edge", "EDGE"), ("nodata", "NO_DATA"), ("interpolated", "INTRP"), ("saturated", "SAT"), ("cr", "CR"),
    ("bad", "BAD"), ("suspect", "SUSPECT"),
  ]

  let name: String
  private let generalFlag: Key<Bool>
  private let offimage: Key<Bool>
  private let planes: [Plane]
  var flag: Key<Bool>? { generalFlag }

  init(_ name: String, _ config: PixelFlagsConfig, addingTo schema: inout Schema) throws(CatalogError) {
    self.name = name
    generalFlag = try schema.addFlag(name, doc: "the source has no centroid to look about")
    offimage = try schema.addFlag(name, "offimage", doc: "the centroid is off the image")
    func column(_ plane: String) -> String { Self.planesOfOld.first { $0.1 == plane }?.0 ?? plane.lowercased() }
    let anywhere = Self.planesOfOld.map(\.1) + config.masksFpAnywhere
    let center = Self.planesOfOld.map(\.1) + config.masksFpCenter
    var planes: [Plane] = []
    for plane in anywhere + center where !planes.contains(where: { $0.name == plane }) {
      planes.append(Plane(name: plane))
    }
    for i in planes.indices where anywhere.contains(planes[i].name) {
      planes[i].anywhere = try schema.addFlag(
        name, column(planes[i].name), doc: "a pixel of the footprint is \(planes[i].name)")
    }
    for i in planes.indices where center.contains(planes[i].name) {
      planes[i].center = try schema.addFlag(
        name, column(planes[i].name) + "Center", doc: "a pixel of the 3×3 about the centroid is \(planes[i].name)")
    }
    for i in planes.indices where center.contains(planes[i].name) {
      planes[i].centerAll = try schema.addFlag(
        name, column(planes[i].name) + "CenterAll",
        doc: "every pixel of the 3×3 about the centroid is \(planes[i].name)")
    }
    self.planes = planes
  }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    var position: Point2D?
    if let slot = image.slots.centroid {
      position = catalog[slot.position, row]
    } else {
      catalog[generalFlag, row] = true
      position = catalog.footprint(row: row)?.peaks.first?.position
    }
    if let position, position.isFinite, !Box2D(image.box).contains(position) {
      catalog[offimage, row] = true
      // What is beyond the edge is at it.
      if let edge = planes.first {
        for key in [edge.anywhere, edge.center, edge.centerAll] {
          if let key { catalog[key, row] = true }
        }
      }
    }
    let footprint = catalog.footprint(row: row)?.spans ?? .empty
    set(\.anywhere, from: bits(of: footprint, image.mask), row, &catalog, image.mask)
    guard let pixel = position?.pixel else { throw .other("the centroid is not finite") }
    let box = Box2I(minX: pixel.x - 1, minY: pixel.y - 1, width: 3, height: 3).intersection(image.box)
    // Off the image there is no pixel for a flag to tell of. (The reference sets every CenterAll; G-8.)
    guard !box.isEmpty else { return }
    var (any, all): (UInt32, UInt32) = (0, .max)
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX {
        any |= image.mask[x, y]
        all &= image.mask[x, y]
      }
    }
    set(\.center, from: any, row, &catalog, image.mask)
    set(\.centerAll, from: all, row, &catalog, image.mask)
  }

  private func set(
    _ flag: KeyPath<Plane, Key<Bool>?>, from bits: UInt32, _ row: Int, _ catalog: inout Catalog, _ mask: Mask
  ) {
    for plane in planes {
      guard let key = plane[keyPath: flag], bits & mask.planes.bitMask(ofExisting: [plane.name]) != 0 else { continue }
      catalog[key, row] = true
    }
  }

  /// The bits of any pixel of a region, as far as it is on the image.
  private func bits(of spans: SpanSet, _ mask: Mask) -> UInt32 {
    var result: UInt32 = 0
    let box = mask.box
    for span in spans.spans where span.y >= box.minY && span.y < box.endY {
      let (first, last) = (max(span.x0, box.minX) - box.minX, min(span.x1, box.maxX) - box.minX)
      guard first <= last else { continue }
      let row = mask.bits.row(span.y)
      for i in first...last { result |= row[i] }
    }
    return result
  }
}
