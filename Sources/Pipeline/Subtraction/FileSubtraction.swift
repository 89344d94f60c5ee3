// SPDX-License-Identifier: GPL-3.0-or-later
// Subtraction of one image in a file from another.

internal import Catalogs
internal import Foundation
package import ImageDifferencing
internal import Imaging
internal import OrderedCollections
package import Repository
package import SingleFrame
internal import SkyGeometry
package import TaskFramework

/// Subtracts the template in one file from the science image in another, and writes what comes of it into a folder.
///
/// **Steps.** Both are read; each gets its sky removed, a variance and a PSF measured, as far as it lacks them; the template is brought onto the science
/// image's pixels, should their WCSs differ; then ``ImageDifferencing/AlardLuptonSubtractTask``.
///
/// **Products.** `difference.h5`, `score.h5` (unless `doScore` is off), `matchedTemplate.h5`, `kernel.h5`, `quicklook.png`, `metadata.json`, the last one last; each whole or not at all.
package struct FileSubtraction {
  /// What a person gives.
  package struct Request: Hashable, Sendable {
    package var science: String
    package var template: String
    package var sciencePSF: PSFArgument?
    package var templatePSF: PSFArgument?
    /// A catalog of stars; those that are found on the science image when left out.
    package var sources: String?
    package var keepsSky = false

    package init(science: String, template: String) {
      self.science = science
      self.template = template
    }
  }

  /// What was done.
  package struct Summary: Sendable {
    package let isTemplateWarped: Bool
    package let products: [String]
    /// Of all tasks, by full name.
    package let metadata: TaskMetadata
    package let warnings: [String]
  }

  private let subtraction: AlardLuptonSubtractTask
  private let science: CharacterizeImageTask
  private let template: CharacterizeImageTask
  private let reader: ExposureReader
  private let files: AtomicFile
  private let writesFITS: Bool
  private let replaces: Bool

  /// - Parameters:
  ///   - science: for the science image; its own task, so that what it finds out is told apart.
  ///   - writesFITS: whether exposures and kernel are written as FITS too.
  package init(
    _ subtraction: AlardLuptonSubtractTask, science: CharacterizeImageTask, template: CharacterizeImageTask,
    reader: ExposureReader = .init(), writesFITS: Bool = false, replaces: Bool = false, files: AtomicFile = AtomicFile()
  ) {
    self.subtraction = subtraction
    self.science = science
    self.template = template
    self.reader = reader
    self.writesFITS = writesFITS
    self.replaces = replaces
    self.files = files
  }

  /// - Throws: ``IngestError``, what reading, measuring, subtracting and writing throw; then nothing is written, or what is there is whole.
  package func run(_ request: Request, into folder: String) throws -> Summary {
    try NewProducts(folder: folder, names: products).check(replaces: replaces)
    let (own, other) = (
      try reader.read(request.science, makesVariance: false), try reader.read(request.template, makesVariance: false)
    )
    var exposure = own.exposure
    if let psf = request.sciencePSF { exposure.psf = try psf.psf(over: exposure.box) }
    var reference = other.exposure
    if let psf = request.templatePSF { reference.psf = try psf.psf(over: reference.box) }
    // What can be wrong with the pair is found before anything takes time.
    try checkBands(exposure, reference, request)
    try PairAlignment.check(reference, exposure, templateFile: request.template, scienceFile: request.science)
    let sources = try request.sources.map { path in
      try SourceList(try Ingestion.readCatalog(path), file: path, exposure: exposure).catalog
    }
    let characterized = try naming(request.science) { try science.run(exposure, keepSky: request.keepsSky) }
    let templateImage = try naming(request.template) { try template.run(reference, keepSky: request.keepsSky) }
    let aligned = try PairAlignment(
      templateImage.exposure, onto: characterized.exposure, templateFile: request.template,
      scienceFile: request.science)
    let result = try naming("\(request.science) - \(request.template)") {
      try subtraction.run(
        template: aligned.template, science: characterized.exposure, sources: sources ?? characterized.sources)
    }
    let inputs = [(request.science, own.digest), (request.template, other.digest)]
    return try write(result, aligned, characterized.exposure, request, inputs, folder)
  }

  private func checkBands(_ science: Exposure, _ template: Exposure, _ request: Request) throws {
    guard let own = science.filter?.band, let other = template.filter?.band, own != other else { return }
    throw IngestError(
      file: request.template, reason: "it is of band \(other), \(request.science) of band \(own)")
  }

  /// An error that is about a file says which.
  private func naming<Value>(_ file: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as any CategorizedError {
      throw NamedFailure(file: file, error: error)
    } catch let error as ImagingError {
      throw NamedFailure(file: file, error: error)
    }
  }

  // MARK: - Products

  private static let images = ["difference", "score", "matchedTemplate", "kernel"]

  private var products: [String] {
    let images = Self.images.filter { $0 != "score" || subtraction.config.doScore }
    return images.map { $0 + ".h5" } + (writesFITS ? images.map { $0 + ".fits" } : []) + [
      "quicklook.png", "metadata.json",
    ]
  }

  private func write(
    _ result: SubtractionResult, _ aligned: PairAlignment, _ scienceExposure: Exposure,
    _ request: Request, _ inputs: [(String, FileDigest)], _ folder: String
  ) throws -> Summary {
    if subtraction.config.doScore, result.score == nil {
      throw TaskError("there is no score: the difference has no PSF")
    }
    if replaces {
      NewProducts(folder: folder, names: products).removeOthers(of: Self.images.flatMap { [$0 + ".h5", $0 + ".fits"] })
    }
    let kernel = result.psfMatchingKernel
    var metadata = try allMetadata()
    try metadata.set("subtraction.convolvedExposure", kernel.convolved.rawValue)
    try metadata.set("subtraction.isDecorrelated", subtraction.metadata.boolean("isDecorrelated"))
    try metadata.set("subtraction.kernelSum", kernel.sum(at: result.difference.box.center))
    try metadata.set("subtraction.isTemplateWarped", aligned.isWarped)
    let common = try provenance(request, inputs)
    func origin(of product: String) -> Provenance {
      var result = common
      result.datasetType = product
      return result
    }
    func publish(_ name: String, _ exposure: Exposure) throws {
      var metadata = metadata
      try metadata.set("subtraction.isScore", name == "score")
      try files.publish(
        try Dataset(exposure, metadata: metadata, provenance: origin(of: name)).encode("\(folder)/\(name).h5"),
        to: "\(folder)/\(name).h5")
      guard writesFITS else { return }
      try files.publish(
        try fitsFile(of: exposure, metadata: metadata, name: "\(folder)/\(name).fits"), to: "\(folder)/\(name).fits")
    }
    try publish("difference", result.difference)
    if let score = result.score { try publish("score", score) }
    try publish("matchedTemplate", result.matchedTemplate)
    try files.publish(
      try Dataset(kernel, metadata: metadata, provenance: origin(of: "kernel")).encode("\(folder)/kernel.h5"),
      to: "\(folder)/kernel.h5")
    if writesFITS {
      try files.publish(
        try fitsFile(of: kernel.kernel.planes, name: "\(folder)/kernel.fits"), to: "\(folder)/kernel.fits")
    }
    let look = try QuickLook(scaledBy: result.difference.maskedImage.image)
    let picture = look.picture([
      ("science", result.matchedScience.maskedImage.image), ("template", result.matchedTemplate.maskedImage.image),
      ("difference", result.difference.maskedImage.image),
    ])
    try files.publish(
      pngFile(
        of: picture,
        texts: [
          (
            "Description",
            "science, matched template, difference; asinh from -10 to 100 sigma, sigma = \(look.sigma) counts"
          )
        ]),
      to: "\(folder)/quicklook.png")
    try files.publish(Array((metadata.json.text(isPretty: true) + "\n").utf8), to: "\(folder)/metadata.json")
    return Summary(
      isTemplateWarped: aligned.isWarped, products: products.map { "\(folder)/\($0)" }, metadata: metadata,
      warnings: science.warnings + template.warnings + allWarnings(of: subtraction))
  }

  private func allMetadata() throws -> TaskMetadata {
    var metadata = TaskMetadata()
    for task in [science.fullValues(), template.fullValues(), subtraction.fullValues()] {
      for (name, node) in task.nodes { try metadata.put(name, .node(node)) }
    }
    return metadata
  }

  private func allWarnings(of task: any Task) -> [String] { task.taskDict.values.flatMap { $0.warnings } }

  /// Everything that the pixels depend on, also what was typed.
  private func provenance(_ request: Request, _ inputs: [(path: String, digest: FileDigest)]) throws -> Provenance {
    var provenance = Provenance()
    provenance.dataID = inputs.map { URL(filePath: $0.path).lastPathComponent }.joined(separator: " - ")
    provenance.task = subtraction.fullName
    provenance.configYAML =
      ConfigText.yaml(subtraction.fullName, subtraction.config.tree)
      + ConfigText.yaml("characterizeImage", science.config.tree)
      + "subtract:\n  keepSky: \(request.keepsSky)\n  sciencePSF: \(request.sciencePSF?.description ?? "measured")\n"
      + "  templatePSF: \(request.templatePSF?.description ?? "measured")\n"
    provenance.inputs = zip(["science", "template"], inputs).map { role, input in
      .init(datasetType: role, dataID: URL(filePath: input.path).lastPathComponent, digest: input.digest)
    }
    for (role, path) in [
      ("sources", request.sources), ("sciencePSF", request.sciencePSF?.file),
      ("templatePSF", request.templatePSF?.file),
    ] {
      guard let path else { continue }
      provenance.inputs.append(
        .init(
          datasetType: role, dataID: URL(filePath: path).lastPathComponent,
          digest: FileDigest(of: try readFile(path))))
    }
    return provenance
  }
}

/// What is wrong with a file's content, with its name.
package struct NamedFailure: CategorizedError, CustomStringConvertible {
  package let file: String
  package let error: any Error

  package var category: String { categoryName(of: error) }
  package var description: String { "\(file): \(error)" }
}
