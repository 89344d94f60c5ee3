// SPDX-License-Identifier: GPL-3.0-or-later
// Detection on a difference in a file.

internal import Catalogs
package import DifferenceDetection
internal import Foundation
internal import Imaging
internal import OrderedCollections
package import Repository
internal import SkyGeometry
package import TaskFramework

/// Finds and measures the sources of a difference in a file, and writes them into a folder.
///
/// **Products.** `diaSources.h5`, `difference.h5` (with detection planes), `metadata.json`; where asked for `diaSources.fits` and `difference.fits`,
/// `diaSources.reg` (regions of SAOImage DS9), `overlay.png`. `metadata.json` comes last; each is there whole or not at all.
package struct FileDetection {
  /// What a person gives, all by path.
  package struct Request: Hashable, Sendable {
    package var science: String
    package var matchedTemplate: String
    package var difference: String
    /// Sources are found on it, or on the difference when left out.
    package var score: String?
    /// Of the difference, when the file has none, or another.
    package var psf: PSFArgument?

    package init(science: String, matchedTemplate: String, difference: String) {
      (self.science, self.matchedTemplate, self.difference) = (science, matchedTemplate, difference)
    }
  }

  /// What is written beside the catalog.
  package struct Options: Hashable, Sendable {
    package var writesFITS = false
    package var writesRegions = false
    package var writesOverlay = false
    package init() {}
  }

  /// What was done.
  package struct Summary: Sendable {
    package let sourceCount: Int
    package let positiveCount: Int
    package let negativeCount: Int
    package let dipoleCount: Int
    package let droppedCount: Int
    package let products: [String]
    package let warnings: [String]
    package let failure: (any Error)?
  }

  private let configuration: DetectAndMeasureConfig
  private let context: TaskContext
  private let reader: ExposureReader
  private let options: Options
  private let replaces: Bool
  private let files: AtomicFile

  package init(
    _ configuration: DetectAndMeasureConfig, context: TaskContext, reader: ExposureReader = .init(),
    options: Options = .init(), replaces: Bool = false, files: AtomicFile = AtomicFile()
  ) {
    self.configuration = configuration
    self.context = context
    self.reader = reader
    self.options = options
    self.replaces = replaces
    self.files = files
  }

  /// - Throws: ``IngestError`` for files that are not what they should be or do not belong together, and what reading, measuring and writing throw.
  package func run(_ request: Request, into folder: String) throws -> Summary {
    let products = NewProducts(folder: folder, names: names)
    try products.check(replaces: replaces)
    let given = try reader.read(request.difference)
    try check(given, isScore: false, request.difference)
    var difference = given.exposure
    if let psf = request.psf { difference.psf = try psf.psf(over: difference.box) }
    guard difference.psf != nil else {
      throw IngestError(file: request.difference, reason: "it has no PSF; --psf gives one")
    }
    let science = try reader.read(request.science)
    let template = try reader.read(request.matchedTemplate)
    let score = try request.score.map { path in
      let score = try reader.read(path)
      try check(score, isScore: true, path)
      return score
    }
    for (path, reading) in [(request.science, science), (request.matchedTemplate, template)]
      + (request.score.flatMap { path in score.map { [(path, $0)] } } ?? [])
    where reading.exposure.box != difference.box {
      throw IngestError(
        file: path,
        reason: "its pixels \(reading.exposure.box) are not those of \(request.difference), \(difference.box)")
    }
    let (result, task) = try measure(science.exposure, template.exposure, difference, score?.exposure, request)
    let inputs =
      [
        ("science", request.science, science.digest), ("matchedTemplate", request.matchedTemplate, template.digest),
        ("difference", request.difference, given.digest),
      ] + (request.score.flatMap { path in score.map { [("score", path, $0.digest)] } } ?? [])
    let metadata = try metadata(of: task, given)
    try write(result, metadata, provenance(task, request, inputs), folder)
    return summary(of: result, task, products)
  }

  private func measure(
    _ science: Exposure, _ template: Exposure, _ difference: Exposure, _ score: Exposure?, _ request: Request
  ) throws -> (DetectAndMeasureResult, any Task) {
    do {
      guard var score else {
        let task = try DetectAndMeasureTask(config: configuration, context: context)
        return (try task.run(science: science, matchedTemplate: template, difference: difference), task)
      }
      if request.psf != nil || score.psf == nil { score.psf = difference.psf }
      let task = try DetectAndMeasureScoreTask(config: configuration, context: context)
      return (
        try task.run(science: science, matchedTemplate: template, difference: difference, scoreExposure: score), task
      )
    } catch let error as DetectAndMeasureError {
      // Of the configuration, not of the file.
      throw error
    } catch let error as any CategorizedError {
      throw NamedFailure(file: request.difference, error: error)
    } catch let error as ImagingError {
      throw NamedFailure(file: request.difference, error: error)
    }
  }

  /// - Throws: ``IngestError`` for a score in a difference's place, or the other way round, as far as the file says what it is.
  private func check(_ reading: ExposureReader.Reading, isScore: Bool, _ file: String) throws {
    guard let found = try? reading.metadata.boolean("subtraction.isScore"), found != isScore else { return }
    throw IngestError(
      file: file,
      reason: isScore
        ? "it is a difference; --score takes the difference under its PSF as a matched filter"
        : "it is a score image; sources are measured on the difference, and --score takes this file")
  }

  // MARK: - Products

  private var names: [String] {
    ["diaSources.h5", "difference.h5"] + (options.writesFITS ? ["diaSources.fits", "difference.fits"] : [])
      + (options.writesRegions ? ["diaSources.reg"] : []) + (options.writesOverlay ? ["overlay.png"] : [])
      + ["metadata.json"]
  }

  private func metadata(of task: any Task, _ given: ExposureReader.Reading) throws -> TaskMetadata {
    var metadata = TaskMetadata()
    // What is known of the subtraction stays known.
    for (name, node) in given.metadata.nodes { try metadata.put(name, .node(node)) }
    for (name, node) in task.fullValues().nodes { try metadata.put(name, .node(node)) }
    return metadata
  }

  private func write(
    _ result: DetectAndMeasureResult, _ metadata: TaskMetadata, _ provenance: Provenance, _ folder: String
  ) throws {
    if replaces {
      NewProducts(folder: folder, names: names).removeOthers(of: [
        "diaSources.fits", "difference.fits", "diaSources.reg", "overlay.png",
      ])
    }
    func origin(_ product: String) -> Provenance {
      var own = provenance
      own.datasetType = product
      return own
    }
    let exposure = result.subtractedMeasuredExposure
    if let sources = result.diaSources {
      try files.publish(
        try Dataset(
          DiaSourceCatalog(sources, result), metadata: metadata, provenance: origin("diaSources")
        ).encode("\(folder)/diaSources.h5"), to: "\(folder)/diaSources.h5")
      if options.writesFITS {
        try files.publish(try fitsFile(of: sources, name: "\(folder)/diaSources.fits"), to: "\(folder)/diaSources.fits")
      }
      let marks = SourceMark.marks(of: sources)
      if options.writesRegions {
        try files.publish(
          Array(SourceMark.regions(marks, origin: exposure.box).utf8), to: "\(folder)/diaSources.reg")
      }
      if options.writesOverlay {
        let overlay = try DetectionOverlay(exposure.maskedImage.image)
        try files.publish(
          pngFile(
            of: overlay.picture(marks),
            texts: [("Description", "the difference; green: brighter, red: fainter, yellow: dipole, blue: sky source")]),
          to: "\(folder)/overlay.png")
      }
    }
    try files.publish(
      try Dataset(exposure, metadata: metadata, provenance: origin("difference")).encode("\(folder)/difference.h5"),
      to: "\(folder)/difference.h5")
    if options.writesFITS {
      try files.publish(
        try fitsFile(of: exposure, metadata: metadata, name: "\(folder)/difference.fits"),
        to: "\(folder)/difference.fits")
    }
    try files.publish(Array((metadata.json.text(isPretty: true) + "\n").utf8), to: "\(folder)/metadata.json")
  }

  private func provenance(
    _ task: any Task, _ request: Request, _ inputs: [(role: String, path: String, digest: FileDigest)]
  ) -> Provenance {
    var provenance = Provenance()
    provenance.dataID = URL(filePath: request.difference).lastPathComponent
    provenance.task = task.fullName
    provenance.configYAML =
      ConfigText.yaml(task.fullName, configuration.tree)
      + "detect:\n  psf: \(request.psf?.description ?? "the difference's")\n"
    provenance.inputs = inputs.map { role, path, digest in
      .init(datasetType: role, dataID: URL(filePath: path).lastPathComponent, digest: digest)
    }
    return provenance
  }

  private func summary(
    of result: DetectAndMeasureResult, _ task: any Task, _ products: NewProducts
  ) -> Summary {
    let marks = result.diaSources.map { SourceMark.marks(of: $0) } ?? []
    func count(_ kind: SourceMark.Kind) -> Int { marks.count { $0.kind == kind } }
    return Summary(
      sourceCount: marks.count, positiveCount: count(.positive), negativeCount: count(.negative),
      dipoleCount: count(.dipole), droppedCount: result.droppedSources?.rowCount ?? 0,
      products: products.paths.filter {
        result.diaSources != nil || $0.hasSuffix("difference.h5") || $0.hasSuffix(".json")
      },
      warnings: task.taskDict.values.flatMap { $0.warnings }, failure: result.failure)
  }
}
