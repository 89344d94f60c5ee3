// SPDX-License-Identifier: GPL-3.0-or-later
// Association of an exposure's sources in files.

internal import Catalogs
internal import Foundation
internal import Imaging
internal import OrderedCollections
package import Repository
internal import SkyGeometry
package import SolarSystem
internal import TaskFramework

/// Associates the sources of an exposure with objects of the solar system, all in files, and writes who is who into a folder.
///
/// **Products.** `associated.h5` (a row a source that is an object), `unassociated.h5` (objects that no source was found for), `sources.h5` (all sources, calibrated, with `ssObjectId`), `metadata.json`;
/// the tables where asked for also as FITS and CSV. `metadata.json` comes last; each is there whole or not at all.
package struct FileAssociation {
  /// What a person gives, all by path.
  package struct Request: Hashable, Sendable {
    package var exposure: String
    package var sources: String
    package var objects: String
    /// The exposure's midpoint, MJD (TAI), where the file has none, or another.
    package var midpoint: Double?
    /// The exposure's AB magnitude of one count, where the file has none, or another.
    package var zeroPoint: Double?
    /// In which the sources were found, to be checked.
    package var band: String?

    package init(exposure: String, sources: String, objects: String) {
      (self.exposure, self.sources, self.objects) = (exposure, sources, objects)
    }
  }

  /// What is written beside the HDF5 tables.
  package struct Options: Hashable, Sendable {
    package var writesFITS = false
    package var writesCSV = false
    package init() {}
  }

  /// What was done.
  package struct Summary: Sendable {
    package let sourceCount: Int
    package let objectCount: Int
    package let expectedCount: Int
    package let associatedCount: Int
    package let layout: SolarSystemObjects.Layout
    package let products: [String]
    package let warnings: [String]
  }

  private let task: SsSingleFrameAssociationTask
  private let reader: ExposureReader
  private let options: Options
  private let replaces: Bool
  private let files: AtomicFile

  package init(
    _ task: SsSingleFrameAssociationTask, reader: ExposureReader = .init(), options: Options = .init(),
    replaces: Bool = false, files: AtomicFile = AtomicFile()
  ) {
    self.task = task
    self.reader = reader
    self.options = options
    self.replaces = replaces
    self.files = files
  }

  /// - Throws: ``IngestError`` and ``NamedFailure`` for files that are not what they should be, and what reading and writing throw.
  package func run(_ request: Request, into folder: String) throws -> Summary {
    let products = NewProducts(folder: folder, names: names)
    try products.check(replaces: replaces)
    let (sources, objects) = (try ListedTable(request.sources), try ListedTable(request.objects))
    let given = try reader.read(request.exposure)
    let exposure = try prepared(given.exposure, request)
    let result = try naming(request, [sources, objects]) {
      try task.run(
        exposure: exposure, sourceTable: sources.catalog, band: request.band, solarSystemObjectTable: objects.catalog)
    }
    let layout = try SolarSystemObjects(objects.catalog).layout
    var metadata = TaskMetadata()
    for (name, node) in task.fullValues().nodes { try metadata.put(name, .node(node)) }
    if let band = exposure.filter?.band { try metadata.set("exposure.band", band) }
    if let mjd = exposure.visitInfo?.mjdTAI { try metadata.set("exposure.mjdTAI", mjd) }
    try metadata.set("sourceCount", sources.catalog.rowCount)
    try metadata.set("objectCount", objects.catalog.rowCount)
    let inputs = [
      ("exposure", request.exposure, given.digest), ("sources", request.sources, sources.digest),
      ("objects", request.objects, objects.digest),
    ]
    try write(result, metadata, provenance(request, inputs), folder)
    var warnings = task.taskDict.values.flatMap { $0.warnings }
    if request.zeroPoint != nil, !sources.catalog.schema.contains("coord_ra") {
      warnings.append("\(request.sources): its fluxes are taken for calibrated, so --zeropoint does nothing")
    }
    if result.nTotalSsObjects == 0 {
      warnings.append(
        "\(request.objects): none of its \(objects.catalog.rowCount) objects is expected on \(request.exposure)")
    }
    return Summary(
      sourceCount: sources.catalog.rowCount, objectCount: objects.catalog.rowCount,
      expectedCount: result.nTotalSsObjects, associatedCount: result.nAssociatedSsObjects, layout: layout,
      products: products.paths, warnings: warnings)
  }

  /// The exposure with what the request says of it.
  private func prepared(_ exposure: Exposure, _ request: Request) throws -> Exposure {
    var exposure = exposure
    if let midpoint = request.midpoint {
      var visit = exposure.visitInfo ?? VisitInfo()
      visit.mjdTAI = midpoint
      exposure.visitInfo = visit
    }
    if let zeroPoint = request.zeroPoint { exposure.photoCalib = try PhotoCalib(zeroPoint: zeroPoint) }
    guard exposure.wcs != nil else {
      throw IngestError(file: request.exposure, reason: "it has no WCS, so nobody knows where it points")
    }
    guard exposure.visitInfo?.mjdTAI != nil else {
      throw IngestError(
        file: request.exposure,
        reason:
          "it does not say when it was taken (DATE-OBS or MJD-OBS with EXPTIME, or DATE-AVG); --mjd gives its midpoint")
    }
    return exposure
  }

  /// An error that is about a file says which.
  private func naming<Value>(_ request: Request, _ tables: [ListedTable], _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as SolarSystemError {
      let file = file(of: error, request)
      if case .missingColumn = error, let hint = tables.first(where: { $0.file == file })?.formHint {
        throw IngestError(file: file, reason: "\(error) (\(hint))")
      }
      throw NamedFailure(file: file, error: error)
    } catch let error as any CategorizedError {
      throw NamedFailure(file: request.exposure, error: error)
    } catch let error as WCSError {
      throw IngestError(file: request.exposure, reason: "\(error)")
    }
  }

  private func file(of error: SolarSystemError, _ request: Request) -> String {
    switch error {
    case .missingColumn(_, let table, _), .invalidRow(let table, _, _), .duplicates(let table, _, _, _):
      table == "sources" ? request.sources : request.objects
    case .invalidDesignation, .outsideTimeRange: request.objects
    case .wrongBand, .missingInput, .tablesDiffer, .tooManyPairs: request.exposure
    }
  }

  // MARK: - Products

  private static let tables = ["associated", "unassociated", "sources"]

  private var names: [String] {
    Self.tables.flatMap { name in
      ["\(name).h5"] + (options.writesFITS ? ["\(name).fits"] : []) + (options.writesCSV ? ["\(name).csv"] : [])
    } + ["metadata.json"]
  }

  private func write(
    _ result: SolarSystemAssociationResult, _ metadata: TaskMetadata, _ provenance: Provenance, _ folder: String
  ) throws {
    if replaces {
      NewProducts(folder: folder, names: names).removeOthers(
        of: Self.tables.flatMap { name in ["h5", "fits", "csv"].map { "\(name).\($0)" } })
    }
    for (name, table) in zip(
      Self.tables, [result.associatedSsSources, result.unassociatedSsObjects, result.diaSources])
    {
      let path = "\(folder)/\(name)"
      var origin = provenance
      origin.datasetType = name
      try files.publish(
        try Dataset(table, metadata: metadata, provenance: origin).encode(path + ".h5"), to: path + ".h5")
      if options.writesFITS {
        try files.publish(try fitsFile(of: table, name: path + ".fits"), to: path + ".fits")
      }
      if options.writesCSV { try files.publish(Array(table.csv().utf8), to: path + ".csv") }
    }
    try files.publish(Array((metadata.json.text(isPretty: true) + "\n").utf8), to: "\(folder)/metadata.json")
  }

  private func provenance(_ request: Request, _ inputs: [(String, String, FileDigest)]) -> Provenance {
    var provenance = Provenance()
    provenance.dataID = URL(filePath: request.exposure).lastPathComponent
    provenance.task = task.fullName
    provenance.configYAML =
      ConfigText.yaml(task.fullName, task.config.tree)
      + "options:\n  band: \(request.band ?? "null")\n  midpointMjdTai: \(request.midpoint.map { "\($0)" } ?? "its own")\n"
      + "  zeroPoint: \(request.zeroPoint.map { "\($0)" } ?? "its own")\n"
    provenance.inputs = inputs.map { role, path, digest in
      .init(datasetType: role, dataID: URL(filePath: path).lastPathComponent, digest: digest)
    }
    return provenance
  }
}
