// SPDX-License-Identifier: GPL-3.0-or-later
// Detection on a difference in a file.

internal import Catalogs
package import DifferenceDetection
internal import Foundation
internal import Imaging
internal import OrderedCollections
package import Repository
package import SingleFrame
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
    package var sciencePSF: PSFArgument?
    /// Whether the science image has no sky, or keeps it: forced fluxes have it in them then.
    package var keepsSky = false

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
    package let skyCount: Int
    package let droppedCount: Int
    package let products: [String]
    package let warnings: [String]
    package let failure: (any Error)?
  }

  private let configuration: DetectAndMeasureConfig
  private let characterization: CharacterizeImageTask
  private let context: TaskContext
  private let reader: ExposureReader
  private let options: Options
  private let replaces: Bool
  private let files: AtomicFile

  /// - Parameter characterization: for the science image: takes its sky off, and measures its PSF where it has none.
  package init(
    _ configuration: DetectAndMeasureConfig, characterization: CharacterizeImageTask, context: TaskContext,
    reader: ExposureReader = .init(),
    options: Options = .init(), replaces: Bool = false, files: AtomicFile = AtomicFile()
  ) {
    self.configuration = configuration
    self.characterization = characterization
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
    let task = try makeTask(withScore: request.score != nil)
    let given = try reader.read(request.difference)
    try check(given, isScore: false, request.difference)
    var difference = given.exposure
    if let psf = request.psf { difference.psf = try psf.psf(over: difference.box) }
    guard difference.psf != nil else {
      throw IngestError(file: request.difference, reason: "it has no PSF; --psf gives one")
    }
    try requireUsablePixels(difference, request.difference)
    let science = try reader.read(request.science)
    let template = try reader.read(request.matchedTemplate)
    let score = try request.score.map { path in
      let score = try reader.read(path)
      try check(score, isScore: true, path)
      try requireUsablePixels(score.exposure, path)
      return score
    }
    for (path, reading) in [(request.science, science), (request.matchedTemplate, template)]
      + (request.score.flatMap { path in score.map { [(path, $0)] } } ?? [])
    where reading.exposure.box != difference.box {
      throw IngestError(
        file: path,
        reason: "its pixels \(reading.exposure.box) are not those of \(request.difference), \(difference.box)")
    }
    let image = try characterized(science.exposure, request)
    let result = try measure(task, image, template.exposure, difference, score?.exposure, request)
    let inputs =
      [
        ("science", request.science, science.digest), ("matchedTemplate", request.matchedTemplate, template.digest),
        ("difference", request.difference, given.digest),
      ] + (request.score.flatMap { path in score.map { [("score", path, $0.digest)] } } ?? [])
    let metadata = try metadata(of: task, given)
    try write(result, metadata, provenance(task, request, inputs), folder)
    return summary(of: result, task, products)
  }

  /// - Throws: ``TaskFramework/ConfigProblem`` for settings that contradict each other, whatever the files.
  private func makeTask(withScore: Bool) throws -> any Task {
    do {
      return withScore
        ? try DetectAndMeasureScoreTask(config: configuration, context: context)
        : try DetectAndMeasureTask(config: configuration, context: context)
    } catch let error as CatalogError {
      throw ConfigProblem(path: "measurement", reason: "\(error)")
    }
  }

  /// The science image as the subtraction saw it: without sky, and with a PSF.
  private func characterized(_ science: Exposure, _ request: Request) throws -> Exposure {
    var exposure = science
    if let psf = request.sciencePSF { exposure.psf = try psf.psf(over: exposure.box) }
    if request.keepsSky, exposure.psf != nil { return exposure }
    do {
      return try characterization.run(exposure, keepSky: request.keepsSky).exposure
    } catch let error as any CategorizedError {
      throw NamedFailure(file: request.science, error: error)
    } catch let error as ImagingError {
      throw NamedFailure(file: request.science, error: error)
    }
  }

  private func requireUsablePixels(_ exposure: Exposure, _ file: String) throws {
    let planes = exposure.maskedImage
    let (pixels, variances) = (planes.image.pixels, planes.variance.pixels)
    for i in pixels.indices where pixels[i].isFinite && variances[i] > 0 && variances[i].isFinite { return }
    throw IngestError(file: file, reason: "no pixel has a value and a variance above 0: nothing can be found on it")
  }

  private func measure(
    _ task: any Task, _ science: Exposure, _ template: Exposure, _ difference: Exposure, _ score: Exposure?,
    _ request: Request
  ) throws -> DetectAndMeasureResult {
    do {
      if var score, let task = task as? DetectAndMeasureScoreTask {
        if request.psf != nil || score.psf == nil { score.psf = difference.psf }
        return try task.run(
          science: science, matchedTemplate: template, difference: difference, scoreExposure: score)
      }
      guard let task = task as? DetectAndMeasureTask else { throw TaskError("there is no score to find sources on") }
      return try task.run(science: science, matchedTemplate: template, difference: difference)
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

  private static func isOfSources(_ name: String) -> Bool { name.hasPrefix("diaSources") || name == "overlay.png" }

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
      let written = names.filter { result.diaSources != nil || !Self.isOfSources($0) }
      NewProducts(folder: folder, names: written).removeOthers(of: [
        "diaSources.h5", "diaSources.fits", "difference.fits", "diaSources.reg", "overlay.png",
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
      + "  sciencePSF: \(request.sciencePSF?.description ?? "its own, or measured")\n  keepSky: \(request.keepsSky)\n"
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
      dipoleCount: count(.dipole), skyCount: count(.sky), droppedCount: result.droppedSources?.rowCount ?? 0,
      products: products.names.filter { result.diaSources != nil || !Self.isOfSources($0) }.map {
        "\(products.folder)/\($0)"
      },
      warnings: (characterization.warnings + task.taskDict.values.flatMap { $0.warnings }), failure: result.failure)
  }
}
