// SPDX-License-Identifier: GPL-3.0-or-later
// Datasets in the forms of other programs.

internal import Catalogs
internal import Foundation
internal import Imaging
internal import Repository
internal import SkyGeometry
internal import TaskFramework

/// Writes datasets in the forms of other programs.
package enum Export {
  /// A dataset's file in the form that an output's name asks for.
  ///
  /// - Throws: ``Repository/RepositoryError/invalid(path:reason:)`` for a form that the dataset does not have, and what reading and
  ///   writing throw.
  package static func encode(_ path: String, as output: String) throws -> [UInt8] {
    let bytes = try readFile(path)
    let form = output.lowercased().split(separator: ".").last.map(String.init) ?? ""
    switch try formatName(of: bytes, name: path) {
    case Exposure.formatName:
      let dataset = try Dataset<Exposure>(decoding: bytes, name: path)
      if form == "json" { return json(dataset.metadata) }
      try require(form, ["fits", "fit"], path, "an exposure")
      return try fitsFile(of: dataset.content, metadata: dataset.metadata, name: output)
    case Catalog.formatName:
      let dataset = try Dataset<Catalog>(decoding: bytes, name: path)
      if form == "json" { return json(dataset.metadata) }
      try require(form, ["fits", "fit", "csv", "ecsv"], path, "a catalog")
      return form == "csv" || form == "ecsv"
        ? Array(dataset.content.csv(isECSV: form == "ecsv").utf8) : try fitsFile(of: dataset.content, name: output)
    case RepositoryIndex.formatName:
      try require(form, ["fits", "fit", "csv", "ecsv"], path, "a visit table", hasMetadata: false)
      let visits = try Dataset<RepositoryIndex>(decoding: bytes, name: path).content.visits.catalog()
      return form == "csv" || form == "ecsv"
        ? Array(visits.csv(isECSV: form == "ecsv").utf8) : try fitsFile(of: visits, name: output)
    case Kernel.formatName:
      let dataset = try Dataset<Kernel>(decoding: bytes, name: path)
      if form == "json" { return json(dataset.metadata) }
      try require(form, ["fits", "fit"], path, "a kernel")
      return try fitsFile(of: dataset.content.planes, name: output)
    case MatchingKernel.formatName:
      let dataset = try Dataset<MatchingKernel>(decoding: bytes, name: path)
      if form == "json" { return json(dataset.metadata) }
      try require(form, ["fits", "fit"], path, "a matching kernel")
      return try fitsFile(of: dataset.content.kernel.planes, name: output)
    case BackgroundList.formatName:
      let dataset = try Dataset<BackgroundList>(decoding: bytes, name: path)
      if form == "json" { return json(dataset.metadata) }
      try require(form, ["fits", "fit"], path, "a background")
      let box = dataset.content.models.first?.background.box ?? Box2I(width: 0, height: 0)
      return try fitsFile(of: try dataset.content.image(over: box), unit: dataset.content.unit.rawValue, name: output)
    case Image<UInt16>.formatName:
      let dataset = try Dataset<Image<UInt16>>(decoding: bytes, name: path)
      if form == "json" { return json(dataset.metadata) }
      try require(form, ["fits", "fit"], path, "an image of counts")
      return try fitsFile(of: dataset.content.map { Float($0) }, unit: "", name: output)
    case MetadataOnly.formatName:
      try require(form, ["json"], path, "metadata")
      return json(try Dataset<MetadataOnly>(decoding: bytes, name: path).metadata)
    case let name?: throw RepositoryError.invalid(path: path, reason: "a \(name) cannot be exported")
    case nil:
      throw RepositoryError.invalid(path: path, reason: "it is no dataset of skydiff: it does not say what it is")
    }
  }

  private static func require(
    _ form: String, _ allowed: [String], _ path: String, _ what: String, hasMetadata: Bool = true
  ) throws {
    guard allowed.contains(form) else {
      let known = (allowed.filter { $0 != "fit" } + (allowed.contains("json") || !hasMetadata ? [] : ["json"])).map {
        "." + $0
      }
      throw RepositoryError.invalid(
        path: path,
        reason:
          "\(what) cannot be written as \(form.isEmpty ? "a file without an ending" : ".\(form)"); there are \(known.joined(separator: ", "))"
      )
    }
  }

  private static func json(_ metadata: TaskMetadata) -> [UInt8] {
    Array((metadata.json.text(isPretty: true) + "\n").utf8)
  }
}
