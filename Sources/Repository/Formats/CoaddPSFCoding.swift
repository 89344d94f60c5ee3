// SPDX-License-Identifier: GPL-3.0-or-later
// The PSFs of coadds in files.

internal import HDF5
internal import Imaging
internal import SkyGeometry

extension CoaddPSF {
  private static let largestCount = 100_000
  /// Numbers of all components together.
  private static let largestSize = 1 << 28

  func write(to group: HDF5Group) throws {
    try group.setAttribute("model", "coadd")
    try group.setAttribute("average_position", [averagePosition.x, averagePosition.y])
    try group.setAttribute("count", components.count)
    for (i, component) in components.enumerated() {
      let part = try group.makeGroup("component_\(i)")
      _ = try component.kernel.write(to: part, "basis_images")
      let outline = try part.write(
        "outline", component.outline.flatMap { [$0.x, $0.y] }, shape: [component.outline.count, 2])
      try outline.setAttribute("units", "pixel")
      try part.setAttribute("weight", component.weight)
      try part.setAttribute("image", component.image)
    }
  }

  init(reading group: HDF5Group, averagePosition: Point2D) throws {
    let count = try group.integer("count", in: 1...Self.largestCount)
    var size = 0
    let components = try (0..<count).map { i -> Component in
      let part = try group.group("component_\(i)")
      let outline = try part.dataset("outline")
      guard outline.shape.count == 2, outline.shape[1] == 2, outline.shape[0] <= 1000 else {
        throw FormatError(file: group.file, object: outline.path, reason: "shape \(outline.shape) is no outline")
      }
      let images = try part.dataset("basis_images")
      let isSmall = images.shape.count == 3 && images.shape.allSatisfy { $0 <= 8192 }
      size += isSmall ? images.shape.reduce(1, *) : 0
      guard isSmall, size <= Self.largestSize else {
        throw FormatError(
          file: group.file, object: images.path,
          reason: "with it the components have more than \(Self.largestSize) numbers")
      }
      let numbers = try outline.read(Double.self)
      return try Component(
        kernel: try Kernel(reading: images),
        outline: (0..<outline.shape[0]).map { Point2D(x: numbers[2 * $0], y: numbers[2 * $0 + 1]) },
        weight: try part.double("weight"), image: try part.integer("image", in: 0...Self.largestCount))
    }
    try self.init(components, averagePosition: averagePosition)
  }
}
