// SPDX-License-Identifier: GPL-3.0-or-later
// Forced photometry of an exposure in a file.

internal import Catalogs
internal import Foundation
internal import Imaging
internal import Measurement
internal import OrderedCollections
package import Repository
package import SingleFrame
internal import SkyGeometry
package import TaskFramework

/// Measures an exposure in a file at the positions of a list in another, and writes what comes of it into a folder.
///
/// **Products.** `forced.h5`; where asked for `forced.fits`, `forced.csv`, `covariance.h5`; `metadata.json`, the last one last; each whole or not at all.
package struct FileForcedPhotometry {
  /// What a person gives, files by path.
  package struct Request: Hashable, Sendable {
    package var exposure: String
    package var list: String
    /// Of the exposure, when the file has none, or another.
    package var psf: PSFArgument?
    /// Whether the exposure has no sky, or keeps it.
    package var keepsSky = false
    /// Asks for the list's positions on pixels; `nil` for those on the sky where it has some.
    package var pixelCount: PixelCount?
    /// AB magnitude of a count, in the place of what the file says.
    package var zeroPoint: Double?

    package init(exposure: String, list: String) {
      (self.exposure, self.list) = (exposure, list)
    }
  }

  /// What is written beside the catalog.
  package struct Options: Hashable, Sendable {
    package var writesFITS = false
    package var writesCSV = false
    package var writesCovariance = false
    package init() {}
  }

  /// What was done; every row is counted once.
  package struct Summary: Sendable {
    package let rowCount: Int
    /// Whether the list's IDs are names, and rows are numbered.
    package let areNamed: Bool
    package let measuredCount: Int
    /// On the image, and not to be trusted.
    package let flaggedCount: Int
    package let offImageCount: Int
    package let withoutPositionCount: Int
    /// The columns that positions are from.
    package let positionColumns: [String]
    package let products: [String]
    package let warnings: [String]
  }

  private let configuration: FileForcedConfig
  private let characterization: CharacterizeImageTask
  private let context: TaskContext
  private let reader: ExposureReader
  private let options: Options
  private let replaces: Bool
  private let files: AtomicFile

  /// - Parameter characterization: takes the exposure's sky off, and measures variance and PSF where it has none.
  package init(
    _ configuration: FileForcedConfig, characterization: CharacterizeImageTask, context: TaskContext,
    reader: ExposureReader = .init(), options: Options = .init(), replaces: Bool = false,
    files: AtomicFile = AtomicFile()
  ) {
    self.configuration = configuration
    self.characterization = characterization
    self.context = context
    self.reader = reader
    self.options = options
    self.replaces = replaces
    self.files = files
  }

  /// - Throws: ``IngestError`` for files that are not what they should be, and what reading, measuring and writing throw.
  package func run(_ request: Request, into folder: String) throws -> Summary {
    let products = NewProducts(folder: folder, names: names)
    try products.check(replaces: replaces)
    let task = try makeTask()
    let given = try FileForcedExposure(request, reader)
    var exposure = given.exposure
    // What can be wrong with the list is found before anything takes time.
    let list = try ReferenceList(
      request.list, on: exposure, exposureFile: request.exposure, pixelCount: request.pixelCount)
    for name in configuration.keepColumns where name != "*" && !list.table.schema.contains(name) {
      throw IngestError(file: request.list, reason: "it has no column \(name), which forced.keepColumns names")
    }
    var metadata = TaskMetadata()
    let result = try naming(request.exposure) {
      if list.rowCount > 0 { exposure = try given.prepared(characterization, &metadata) }
      return try task.run(list, on: exposure)
    }
    let summary = summary(of: result, list, exposure, task, products, request)
    try describe(summary, exposure, &metadata)
    for tree in [characterization.fullValues(), task.fullValues(), task.measurement.fullValues()] {
      for (name, node) in tree.nodes { try metadata.put(name, .node(node)) }
    }
    try write(result, metadata, try provenance(task, request, given, list), folder)
    return summary
  }

  /// - Throws: ``TaskFramework/ConfigError`` for settings that contradict each other, whatever the files.
  private func makeTask() throws -> FileForcedTask {
    do {
      return try FileForcedTask(config: configuration, context: context)
    } catch let error as CatalogError {
      throw ConfigError(
        origin: .classDefault, path: "forced",
        reason: "\(error); plugins.names needs base_TransformedCentroid, slots stand for measurements that are done")
    }
  }

  /// An error that is about a file says which.
  private func naming<Value>(_ file: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch MeasurementError.noSlot(let slot, let plugin) {
      let problem = MeasurementError.noSlot(slot, plugin: plugin)
      throw ConfigError(origin: .classDefault, path: "forced.plugins.names", reason: "\(problem)")
    } catch let error as any CategorizedError {
      throw NamedFailure(file: file, error: error)
    } catch let error as ImagingError {
      throw NamedFailure(file: file, error: error)
    }
  }

  // MARK: - Products

  private var names: [String] {
    ["forced.h5"] + (options.writesFITS ? ["forced.fits"] : []) + (options.writesCSV ? ["forced.csv"] : [])
      + (options.writesCovariance ? ["covariance.h5"] : [])
      + ["metadata.json"]
  }

  private func write(
    _ result: FileForcedResult, _ metadata: TaskMetadata, _ provenance: Provenance, _ folder: String
  ) throws {
    if replaces {
      NewProducts(folder: folder, names: names).removeOthers(of: [
        "forced.h5", "forced.fits", "forced.csv", "covariance.h5",
      ])
    }
    let (catalog, name) = (result.sources, "\(folder)/forced")
    try files.publish(
      try Dataset(catalog, metadata: metadata, provenance: provenance).encode(name + ".h5"), to: name + ".h5")
    if options.writesFITS {
      try files.publish(try fitsFile(of: catalog, name: name + ".fits"), to: name + ".fits")
    }
    if options.writesCSV { try files.publish(Array(catalog.csv().utf8), to: name + ".csv") }
    if options.writesCovariance, let covariance = result.covariance {
      var origin = provenance
      origin.datasetType = "covariance"
      try files.publish(
        try Dataset(covariance, metadata: metadata, provenance: origin).encode("\(folder)/covariance.h5"),
        to: "\(folder)/covariance.h5")
    }
    try files.publish(Array((metadata.json.text(isPretty: true) + "\n").utf8), to: "\(folder)/metadata.json")
  }

  /// Everything that the numbers depend on, also what was typed.
  private func provenance(
    _ task: FileForcedTask, _ request: Request, _ given: FileForcedExposure, _ list: ReferenceList
  ) throws -> Provenance {
    var provenance = Provenance()
    provenance.datasetType = "forced"
    provenance.dataID = URL(filePath: request.exposure).lastPathComponent
    provenance.task = task.fullName
    let pixels =
      switch request.pixelCount {
      case nil: "null"
      case .fromZero: "0"
      case .fromOne: "1"
      }
    provenance.configYAML =
      ConfigText.yaml(task.fullName, configuration.tree)
      + ConfigText.yaml("characterizeImage", characterization.config.tree)
      + "options:\n  keepSky: \(given.keepsSky)\n  psf: \(request.psf?.description ?? "its own, or measured")\n"
      + "  pixelsFrom: \(pixels)\n  zeroPoint: \(request.zeroPoint.map { "\($0)" } ?? "its own")\n"
    var inputs = [("exposure", request.exposure, given.digest), ("reference", request.list, list.digest)]
    if let file = request.psf?.file { inputs.append(("psf", file, FileDigest(of: try readFile(file)))) }
    provenance.inputs = inputs.map { role, path, digest in
      .init(datasetType: role, dataID: URL(filePath: path).lastPathComponent, digest: digest)
    }
    return provenance
  }

  // MARK: - What was done

  private func summary(
    of result: FileForcedResult, _ list: ReferenceList, _ exposure: Exposure, _ task: FileForcedTask,
    _ products: NewProducts,
    _ request: Request
  ) -> Summary {
    let (catalog, schema) = (result.sources, result.sources.schema)
    let flag = ["base_PsfFlux_flag", "base_CircularApertureFlux_flag", "slot_Centroid_flag"].lazy.compactMap {
      try? schema.key($0, as: Bool.self)
    }.first
    let flux = try? schema.key("base_PsfFlux_instFlux", as: Double.self)
    var (measured, flagged, off, without) = (0, 0, 0, 0)
    for row in 0..<list.rowCount {
      if !list.isGiven[row] {
        without += 1
      } else if !list.isOn(exposure.box, row: row) {
        off += 1
      } else if flag.map({ catalog[$0, row] }) == true || flux.map({ !catalog[$0, row].isFinite }) == true {
        flagged += 1
      } else {
        measured += 1
      }
    }
    var warnings = characterization.warnings + task.taskDict.values.flatMap { $0.warnings } + task.measurement.warnings
    let box = exposure.box
    if off > 0, measured + flagged == 0 {
      warnings.append(
        "\(request.list): none of the \(off) positions (\(list.positionColumns.joined(separator: ", "))) is on "
          + "\(request.exposure), which is x \(box.minX) to \(box.maxX), y \(box.minY) to \(box.maxY)")
    }
    if options.writesCovariance, result.covariance == nil, list.rowCount > 0 {
      warnings.append("there are no covariances without joint fluxes (forced.doJoint)")
    }
    if list.rowCount == 0 { warnings.append("\(request.list): the list is empty, and so is the catalog") }
    return Summary(
      rowCount: list.rowCount, areNamed: list.areNamed, measuredCount: measured, flaggedCount: flagged,
      offImageCount: off,
      withoutPositionCount: without, positionColumns: list.positionColumns,
      products: products.paths.filter { result.covariance != nil || !$0.hasSuffix("/covariance.h5") },
      warnings: warnings)
  }

  private func describe(_ summary: Summary, _ exposure: Exposure, _ metadata: inout TaskMetadata) throws {
    for (name, count) in [
      ("rowCount", summary.rowCount), ("measuredCount", summary.measuredCount),
      ("flaggedCount", summary.flaggedCount), ("offImageCount", summary.offImageCount),
      ("withoutPositionCount", summary.withoutPositionCount),
    ] { try metadata.set("list.\(name)", count) }
    try metadata.set("list.positions", summary.positionColumns.joined(separator: ", "))
    if let band = exposure.filter?.band { try metadata.set("exposure.band", band) }
    if let mjd = exposure.visitInfo?.mjdTAI { try metadata.set("exposure.mjdTAI", mjd) }
    if let photoCalib = exposure.photoCalib { try metadata.set("exposure.zeroPoint", photoCalib.zeroPoint) }
  }
}
