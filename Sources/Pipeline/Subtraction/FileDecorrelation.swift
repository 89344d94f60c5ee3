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
/// **Products.** `difference.h5` (or `score.h5`, of a score), `metadata.json`, the last one last; each whole or not at all.
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
    let known = given.metadata
    let isScore = (try? known.boolean("subtraction.isScore")) ?? false
    if (try? known.boolean("subtraction.isDecorrelated")) == true {
      throw IngestError(file: request.difference, reason: "its noise is white already (subtraction.isDecorrelated)")
    }
    guard own.exposure.box.contains(given.exposure.box) else {
      throw IngestError(
        file: request.science,
        reason: "its pixels \(own.exposure.box) do not hold those of \(request.difference), \(given.exposure.box)")
    }
    let name = isScore ? "score" : "difference"
    let products = [name + ".h5"] + (writesFITS ? [name + ".fits"] : []) + ["metadata.json"]
    try checkProducts(products, in: folder)
    let aligned = try PairAlignment(
      other.exposure, onto: own.exposure, templateFile: request.template, scienceFile: request.science)
    let result: Exposure
    do {
      result = try task.run(
        scienceExposure: own.exposure, templateExposure: aligned.template, subtractedExposure: given.exposure,
        psfMatchingKernel: kernel.kernel, templateMatched: kernel.convolved == .template, preConvMode: isScore)
    } catch let error as ImagingError {
      throw NamedFailure(file: request.difference, error: error)
    }
    var metadata = TaskMetadata()
    for (key, node) in task.fullValues().nodes { try metadata.put(key, .node(node)) }
    try metadata.set("subtraction.convolvedExposure", kernel.convolved.rawValue)
    try metadata.set("subtraction.kernelSum", kernel.sum(at: result.box.center))
    try metadata.set("subtraction.isScore", isScore)
    try metadata.set("subtraction.isDecorrelated", true)
    let provenance = provenance(
      request, name,
      [
        ("science", request.science, own.digest), ("template", request.template, other.digest),
        (name, request.difference, given.digest), ("kernel", request.kernel, FileDigest(of: kernelBytes)),
      ])
    try files.publish(
      try Dataset(result, metadata: metadata, provenance: provenance).encode("\(folder)/\(name).h5"),
      to: "\(folder)/\(name).h5")
    if writesFITS {
      try files.publish(
        try fitsFile(of: result, metadata: metadata, name: "\(folder)/\(name).fits"), to: "\(folder)/\(name).fits")
    }
    try files.publish(Array((metadata.json.text(isPretty: true) + "\n").utf8), to: "\(folder)/metadata.json")
    return products.map { "\(folder)/\($0)" }
  }

  private func checkProducts(_ products: [String], in folder: String) throws(PublishError) {
    for path in products.map({ "\(folder)/\($0)" }) {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { continue }
      if isFolder.boolValue { throw .cannotCreate(path: path, reason: "it is a directory") }
      if !replaces { throw .cannotCreate(path: path, reason: "it exists; --overwrite replaces it") }
    }
  }

  private func provenance(
    _ request: Request, _ product: String, _ inputs: [(role: String, path: String, digest: FileDigest)]
  ) -> Provenance {
    var provenance = Provenance()
    provenance.datasetType = product
    provenance.dataID = URL(filePath: request.difference).lastPathComponent
    provenance.task = task.fullName
    provenance.configYAML = ConfigText.yaml(task.fullName, task.config.tree)
    provenance.inputs = inputs.map { role, path, digest in
      .init(datasetType: role, dataID: URL(filePath: path).lastPathComponent, digest: digest)
    }
    return provenance
  }
}
