// SPDX-License-Identifier: GPL-3.0-or-later
// Backgrounds in files.

package import HDF5
package import Imaging
internal import SkyGeometry

extension BackgroundList: DatasetContent {
  package static let formatName = "skydiff background"
  package static let formatVersion = 1
  private static let largestCount = 1000

  package func write(to root: HDF5Group) throws {
    try root.setAttribute("count", models.count)
    try root.setAttribute("units", unit.rawValue)
    for (i, model) in models.enumerated() {
      let group = try root.makeGroup("background_\(i)")
      let background = model.background
      let box = background.box
      try group.setAttribute("box", [box.minX, box.minY, box.width, box.height])
      try group.setAttribute("interpolation", model.interpolation.rawValue)
      try group.setAttribute("undersample", model.undersample.rawValue)
      try group.setAttribute("approximation", model.approximation.rawValue)
      try group.setAttribute("approximation_order", model.approximationOrder)
      try group.setAttribute("approximation_weighted", model.isApproximationWeighted)
      let shape = [background.values.height, background.values.width]
      try group.write("values", background.values.pixels, shape: shape).setAttribute("units", unit.rawValue)
      try group.write("errors", background.errors.pixels, shape: shape).setAttribute("units", unit.rawValue)
    }
  }

  package static func read(from root: HDF5Group) throws -> BackgroundList {
    let count = try root.integer("count", in: 0...largestCount)
    let name = try root.string("units")
    guard let unit = Unit(rawValue: name) else {
      throw FormatError(file: root.file, object: "units", reason: "\(name) is not count or nJy")
    }
    return BackgroundList(try (0..<count).map { try readModel(try root.group("background_\($0)")) }, unit: unit)
  }

  private static func readModel(_ group: HDF5Group) throws -> BackgroundModel {
    func choice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String) throws -> Choice {
      let text = try group.string(name)
      guard let choice = Choice(rawValue: text) else {
        let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw FormatError(file: group.file, object: "\(group.path)@\(name)", reason: "\(text) is none of \(all)")
      }
      return choice
    }
    let numbers = try group.integers("box", count: 4)
    let box = try Box2I(checkingMinX: numbers[0], minY: numbers[1], width: numbers[2], height: numbers[3])
    let values = try group.dataset("values")
    guard values.shape.count == 2, values.shape[0] <= 65_536, values.shape[1] <= 65_536 else {
      throw FormatError(file: group.file, object: values.path, reason: "shape \(values.shape) is no grid of cells")
    }
    let errors = try group.dataset("errors")
    try errors.requireShape(values.shape)
    let grid = Box2I(width: values.shape[1], height: values.shape[0])
    let background = try Background(
      box: box, values: try Image(box: grid, pixels: try values.read(Float.self)),
      errors: try Image(box: grid, pixels: try errors.read(Float.self)))
    return BackgroundModel(
      background, interpolation: try choice("interpolation"), undersample: try choice("undersample"),
      approximation: try choice("approximation"),
      approximationOrder: try group.integer("approximation_order", in: 0...30),
      isApproximationWeighted: try group.boolean("approximation_weighted"))
  }
}
