// SPDX-License-Identifier: GPL-3.0-or-later
// Decorrelation of a difference in a file.

internal import Foundation
package import ImageDifferencing
internal import Imaging
internal import OrderedCollections
package import Repository
internal import SkyGeometry
internal import TaskFramework

/// Makes the noise of a difference in a file white, and writes the result into a folder.
///
/// **Products.** `difference.h5`, `metadata.json`, the last one last; each whole or not at all.
package struct FileDecorrelation {
  /// What a person gives, all by path.
  package struct Request: Hashable, Sendable {
    package var science: String
    package var template: String
    package var difference: String
    package var kernel: String

    package init(science: String, template: String, difference: String, kernel: String) {
      (self.science, self.template, self.difference, self.kernel) = (science, template, difference, kernel)
    }
  }

  private let task: DecorrelateALKernelSpatialTask
  private let reader: ExposureReader
  private let writesFITS: Bool
  private let replaces: Bool
  private let files: AtomicFile

  package init(
    _ task: DecorrelateALKernelSpatialTask, reader: ExposureReader = .init(), writesFITS: Bool = false,
    replaces: Bool = false, files: AtomicFile = AtomicFile()
  ) {
    self.task = task
    self.reader = reader
    self.writesFITS = writesFITS
    self.replaces = replaces
    self.files = files
  }

  /// - Returns: the products' paths.
  /// - Throws: ``IngestError`` for files that are not what they should be, and what reading, decorrelating and writing throw.
  package func run(_ request: Request, into folder: String) throws -> [String] {
    let (own, other) = (try reader.read(request.science), try reader.read(request.template))
    let given = try reader.read(request.difference)
    let kernelBytes = try readFile(request.kernel)
    let kernel = try Dataset<MatchingKernel>(decoding: kernelBytes, name: request.kernel).content
    try check(given.metadata, request.difference)
    try check(kernel, at: given.exposure.box.center, given.metadata, request)
    guard own.exposure.box == given.exposure.box else {
      throw IngestError(
        file: request.science,
        reason: "its pixels \(own.exposure.box) are not those of \(request.difference), \(given.exposure.box)")
    }
    for (role, path, digest) in [
      ("science", request.science, own.digest), ("template", request.template, other.digest),
    ] {
      let made = given.provenance.inputs.first { $0.datasetType == role && !$0.sha256.isEmpty }
      if let made, made.sha256 != digest.sha256 {
        throw IngestError(
          file: path,
          reason: "\(request.difference) was made of another \(role), \(made.dataID) with SHA-256 \(made.sha256)")
      }
    }
    let products = NewProducts(
      folder: folder, names: ["difference.h5"] + (writesFITS ? ["difference.fits"] : []) + ["metadata.json"])
    try products.check(replaces: replaces)
    let aligned = try PairAlignment(
      other.exposure, onto: own.exposure, templateFile: request.template, scienceFile: request.science)
    let result: Exposure
    do {
      result = try task.run(
        scienceExposure: try scaled(own.exposure, given.metadata, "scaleScienceVarianceFactor"),
        templateExposure: try scaled(aligned.template, given.metadata, "scaleTemplateVarianceFactor"),
        subtractedExposure: given.exposure, psfMatchingKernel: kernel.kernel,
        templateMatched: kernel.convolved == .template)
    } catch let error as ImagingError {
      throw NamedFailure(file: request.difference, error: error)
    }
    guard (try? task.metadata.double("unconvolvedVariance")) != nil else {
      throw IngestError(
        file: request.difference,
        reason: "no pixel of \(request.science) and \(request.template) says what the noise is")
    }
    var metadata = TaskMetadata()
    for (key, node) in task.fullValues().nodes { try metadata.put(key, .node(node)) }
    try metadata.set("subtraction.convolvedExposure", kernel.convolved.rawValue)
    try metadata.set("subtraction.kernelSum", kernel.sum(at: result.box.center))
    try metadata.set("subtraction.isScore", false)
    try metadata.set("subtraction.isDecorrelated", true)
    let provenance = provenance(
      request,
      [
        ("science", request.science, own.digest), ("template", request.template, other.digest),
        ("difference", request.difference, given.digest), ("kernel", request.kernel, FileDigest(of: kernelBytes)),
      ])
    try files.publish(
      try Dataset(result, metadata: metadata, provenance: provenance).encode("\(folder)/difference.h5"),
      to: "\(folder)/difference.h5")
    if writesFITS {
      try files.publish(
        try fitsFile(of: result, metadata: metadata, name: "\(folder)/difference.fits"), to: "\(folder)/difference.fits"
      )
    }
    try files.publish(Array((metadata.json.text(isPretty: true) + "\n").utf8), to: "\(folder)/metadata.json")
    return products.paths
  }

  /// - Throws: ``IngestError`` for what decorrelation would spoil.
  private func check(_ known: TaskMetadata, _ file: String) throws {
    if (try? known.boolean("subtraction.isScore")) == true {
      throw IngestError(
        file: file, reason: "it is a score image; the difference that it was made of can be decorrelated")
    }
    for key in ["subtraction.isDecorrelated", "subtractImages.isDecorrelated"] where (try? known.boolean(key)) == true {
      throw IngestError(file: file, reason: "its noise is white already (\(key))")
    }
  }

  /// - Throws: ``IngestError`` for a kernel that the difference does not speak of.
  private func check(_ kernel: MatchingKernel, at center: Point2D, _ known: TaskMetadata, _ request: Request) throws {
    guard let convolved = try? known.string("subtraction.convolvedExposure"),
      let sum = try? known.double("subtraction.kernelSum")
    else { return }
    guard convolved == kernel.convolved.rawValue else {
      throw IngestError(
        file: request.kernel,
        reason:
          "it is for the \(kernel.convolved.rawValue.lowercased()) image; in \(request.difference) the \(convolved.lowercased()) was convolved"
      )
    }
    let own = kernel.sum(at: center)
    guard abs(own - sum) <= 1e-6 * abs(sum) else {
      throw IngestError(
        file: request.kernel, reason: "its sum is \(own); that of the kernel of \(request.difference) was \(sum)")
    }
  }

  /// With the variance that the subtraction worked with, where the difference says by how much it scaled that.
  private func scaled(_ exposure: Exposure, _ known: TaskMetadata, _ key: String) throws -> Exposure {
    guard let factor = try? known.double("subtractImages.\(key)"), factor > 0, factor.isFinite, factor != 1 else {
      return exposure
    }
    var result = exposure
    try result.maskedImage.updateInPlace { _, _, variance in variance.scale(by: Float(factor)) }
    return result
  }

  private func provenance(
    _ request: Request, _ inputs: [(role: String, path: String, digest: FileDigest)]
  ) -> Provenance {
    var provenance = Provenance()
    provenance.datasetType = "difference"
    provenance.dataID = URL(filePath: request.difference).lastPathComponent
    provenance.task = task.fullName
    provenance.configYAML = ConfigText.yaml(task.fullName, task.config.tree)
    provenance.inputs = inputs.map { role, path, digest in
      .init(datasetType: role, dataID: URL(filePath: path).lastPathComponent, digest: digest)
    }
    return provenance
  }
}
