// SPDX-License-Identifier: GPL-3.0-or-later
// Sources where there is nothing.

package import Catalogs
package import Imaging
internal import SkyGeometry
package import TaskFramework

/// Where sky sources may be; names and defaults are those of LSST's SkyObjectsConfig (detection-measurement A.8.3).
package struct SkySourcesConfig: Config {
  package var nSources = 100
  package var sourceRadius = 8.0
  package var growMask = 0
  package var nTrialSources: Int?
  package var avoidMask = ["DETECTED", "DETECTED_NEGATIVE", "BAD", "NO_DATA", "EDGE"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("nSources", \.nSources, in: 0...1_000_000, doc: "how many to place, if there is room"),
    .field("sourceRadius", \.sourceRadius, in: 1...1000, doc: "radius of their footprints, pixels"),
    .field("growMask", \.growMask, in: 0...1000, doc: "distance that they keep from what they avoid, pixels"),
    .field(
      "nTrialSources", \.nTrialSources, doc: "places to try; five times nSources when null",
      requirement: "1 to 100000000", where: { $0.map { (1...100_000_000).contains($0) } ?? true }),
    .field("avoidMask", \.avoidMask, count: 0...32, doc: "planes of pixels that they must not touch"),
  ]
}

/// Places footprints where an image has nothing, evenly and the same for every run of a seed.
package final class SkySourcesTask: Task {
  package static let defaultName: String? = "skySources"
  package let node: TaskNode
  package let config: SkySourcesConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Disks that touch neither what is to be avoided nor one another.
  ///
  /// **Metadata.** `sky_footprint_count`.
  ///
  /// - Parameter seed: equal seeds give equal places.
  package func run(_ mask: Mask, seed: Int64) throws -> [Footprint] {
    try timer("run") { () throws in
      let footprints = places(mask, seed: seed)
      try metadata.set("sky_footprint_count", footprints.count)
      return footprints
    }
  }

  private func places(_ mask: Mask, seed: Int64) -> [Footprint] {
    // Configuration keeps it below 1001.
    let radius = Int(config.sourceRadius)
    let room = mask.box.grown(by: -(radius + 1))
    guard !room.isEmpty else { return [] }
    var avoided = AvoidedPixels(mask, config.avoidMask, grownBy: config.growMask)
    var points = HaltonSequence(seed: seed)
    var footprints: [Footprint] = []
    var trials = config.nTrialSources ?? 5 * config.nSources
    while footprints.count < config.nSources, trials > 0, let point = points.next() {
      trials -= 1
      // Both are below 1, and a box's sides far below 2⁵³.
      let center = Point2I(
        x: room.minX + Int(point.0 * Double(room.width)), y: room.minY + Int(point.1 * Double(room.height)))
      let disk = SpanSet([Span(y: center.y, x0: center.x, x1: center.x)]).dilated(by: Double(radius))
      guard !avoided.touches(disk) else { continue }
      avoided.insert(disk.dilated(by: Double(radius)))
      let peak = Peak(id: 0, position: Point2D(center), pixel: center, value: 0)
      footprints.append(Footprint(disk, peaks: [peak], region: mask.box))
    }
    return footprints
  }
}

/// Pixels that sky sources keep away from.
private struct AvoidedPixels {
  private var image: Image<UInt8>

  init(_ mask: Mask, _ planes: [String], grownBy growth: Int) {
    let pattern = mask.planes.bitMask(ofExisting: planes)
    image = mask.bits.map { $0 & pattern != 0 ? 1 : 0 }
    guard growth > 0 else { return }
    let plane = image
    insert(SpanSet(of: mask.box) { x, y in plane[x, y] != 0 }.dilated(by: Double(growth)))
  }

  func touches(_ spans: SpanSet) -> Bool {
    spans.clipped(to: image.box).spans.contains { span in
      let row = image.row(span.y)
      for x in span.x0...span.x1 where row[x - image.box.minX] != 0 { return true }
      return false
    }
  }

  mutating func insert(_ spans: SpanSet) {
    let origin = image.box.minX
    for span in spans.clipped(to: image.box).spans {
      image.withMutableRow(span.y) { row in for x in span.x0...span.x1 { row[x - origin] = 1 } }
    }
  }
}
