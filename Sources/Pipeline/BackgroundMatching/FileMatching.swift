// SPDX-License-Identifier: GPL-3.0-or-later
// Backgrounds of exposures in files are matched.

package import BackgroundMatching
internal import Foundation
internal import Imaging
internal import OrderedCollections
package import Repository
internal import SkyGeometry
internal import TaskFramework

/// What became of one file.
package struct FileMatch: Sendable {
  package let file: String
  /// What its products begin with.
  package let name: String
  package let info: BackgroundInfo
  /// Whether it shares no pixel with the reference; `false` where that is not known.
  package let isElsewhere: Bool
}

/// Matches the backgrounds of exposures in files, and writes what comes of it into a folder.
///
/// For every exposure `NAME-matched.h5` and `NAME-background.h5`, for all of them `metadata.json`, which is written last. The
/// reference's own are its pixels as they are and a model of zero.
package struct FileMatching {
  private let task: MatchBackgroundsTask
  private let reader: ExposureReader
  private let files: AtomicFile
  /// Whether matched exposures are written as FITS too.
  private let writesFITS: Bool
  private let replaces: Bool
  private static let datasetType = "exposure"

  package init(
    _ task: MatchBackgroundsTask, reader: ExposureReader = .init(), writesFITS: Bool = false, replaces: Bool = false,
    files: AtomicFile = AtomicFile()
  ) {
    self.task = task
    self.reader = reader
    self.files = files
    self.writesFITS = writesFITS
    self.replaces = replaces
  }

  /// - Parameter reference: one of the paths, or one more; chosen by the task when left out.
  /// - Throws: for what ends the whole: a missing file, two of one name, products that are there already, an unusable reference, a
  ///   disk that cannot be written. What is wrong with one exposure is in its record.
  package func run(_ paths: [String], reference given: String? = nil, into folder: String) throws -> [FileMatch] {
    var exposures = paths.map { ExposureFile($0, reader) }
    var chosen: ExposureFile?
    if let given {
      func place(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
      chosen = exposures.first { place($0.path) == place(given) }
      if chosen == nil {
        let added = ExposureFile(given, reader)
        exposures.append(added)
        chosen = added
      }
    }
    try check(exposures, folder)
    let reference: ExposureFile
    if let chosen {
      reference = chosen
    } else {
      let scalers = [(any ExposureScaler)?](repeating: nil, count: exposures.count)
      reference =
        exposures[
          try task.selectRefExposure(exposures, imageScalerList: scalers, expDatasetType: Self.datasetType)]
    }
    let result = try task.run(exposures, expDatasetType: Self.datasetType, refExpDataRef: reference) {
      try write($1, $2, exposures[$0], reference: reference, folder)
    }
    for exposure in exposures where exposure !== reference {
      if let text = exposure.mismatch(with: reference) { task.warn(text) }
    }
    let matches = zip(exposures, result.backgroundInfoList).map { exposure, info in
      FileMatch(
        file: exposure.path, name: exposure.name, info: info,
        isElsewhere: exposure.box.flatMap { box in reference.box.map { !box.overlaps($0) } } ?? false)
    }
    try publish(Array((record(matches).text(isPretty: true) + "\n").utf8), folder + "/metadata.json")
    return matches
  }

  /// What can be judged before anything is read.
  private func check(_ exposures: [ExposureFile], _ folder: String) throws {
    for exposure in exposures { _ = try readBeginning(of: exposure.path, count: 1) }
    var names: [String: String] = [:]
    for exposure in exposures {
      guard !exposure.name.isEmpty else {
        throw IngestError(
          file: exposure.path, reason: "its name is only an ending, so products cannot be named after it")
      }
      if let other = names.updateValue(exposure.path, forKey: exposure.name) {
        throw IngestError(
          file: exposure.path, reason: "its products would have the names of those of \(other); rename one of the two")
      }
    }
    guard !replaces else { return }
    for product in exposures.flatMap(products) + ["metadata.json"]
    where FileManager.default.fileExists(atPath: "\(folder)/\(product)") {
      throw PublishError.cannotCreate(path: "\(folder)/\(product)", reason: "it exists; --overwrite replaces it")
    }
  }

  private func products(of exposure: ExposureFile) -> [String] {
    ["\(exposure.name)-matched.h5", "\(exposure.name)-background.h5"]
      + (writesFITS ? ["\(exposure.name)-matched.fits"] : [])
  }

  private func write(
    _ matched: Exposure, _ info: BackgroundInfo, _ exposure: ExposureFile, reference: ExposureFile, _ folder: String
  ) throws {
    let metadata = try productMetadata(info)
    let provenance = provenance(exposure, reference)
    let base = "\(folder)/\(exposure.name)"
    try publish(
      try Dataset(matched, metadata: metadata, provenance: provenance).encode(base + "-matched.h5"),
      base + "-matched.h5")
    if writesFITS {
      try publish(try fitsFile(of: matched, metadata: metadata, name: base + "-matched.fits"), base + "-matched.fits")
    }
    let model = try info.backgroundModel ?? .zero(over: matched.box)
    try publish(
      try Dataset(BackgroundList([model]), metadata: metadata, provenance: provenance).encode(base + "-background.h5"),
      base + "-background.h5")
  }

  private func publish(_ bytes: [UInt8], _ path: String) throws(PublishError) { try files.publish(bytes, to: path) }

  private func productMetadata(_ info: BackgroundInfo) throws(MetadataError) -> TaskMetadata {
    var metadata = TaskMetadata()
    try metadata.set("\(task.fullName).isReference", info.isReference)
    for (name, value) in info.numbers { if let value { try metadata.set("\(task.fullName).\(name)", value) } }
    return metadata
  }

  private func provenance(_ exposure: ExposureFile, _ reference: ExposureFile) -> Provenance {
    var provenance = Provenance()
    provenance.datasetType = Self.datasetType
    provenance.dataID = exposure.name
    provenance.task = task.fullName
    provenance.configYAML = ConfigText.yaml(task.fullName, task.config.tree)
    for input in [exposure] + (reference === exposure ? [] : [reference]) {
      guard let digest = input.digest else { continue }
      provenance.inputs.append(.init(datasetType: Self.datasetType, dataID: input.name, digest: digest))
    }
    return provenance
  }

  /// What `metadata.json` holds: the metadata of the task, and a record a file.
  private func record(_ matches: [FileMatch]) -> JSONValue {
    .object([
      "metadata": task.fullValues().json,
      "exposures": .array(
        matches.map { match in
          var members: OrderedDictionary<String, JSONValue> = [
            "file": .string(match.file), "isReference": .boolean(match.info.isReference),
          ]
          for (name, value) in match.info.numbers { members[name] = value.map { .number($0) } ?? .null }
          members["failure"] = match.info.failure.map { .string($0.message) } ?? .null
          members["failureCategory"] = match.info.failure.map { .string($0.category) } ?? .null
          return .object(members)
        }),
    ])
  }
}

extension BackgroundInfo {
  fileprivate var numbers: [(name: String, value: Double?)] {
    [
      ("fitRMS", fitRMS), ("matchedMSE", matchedMSE), ("diffImVar", diffImVar),
      ("mseVarianceRatio", match?.mseVarianceRatio), ("overlapFraction", match?.overlapFraction),
      ("extrapolatedFraction", match?.extrapolatedFraction),
    ]
  }
}
