// SPDX-License-Identifier: GPL-3.0-or-later
// Detection on differences, as a step of pipelines.

internal import Catalogs
package import DifferenceDetection
internal import Imaging
internal import Repository
package import TaskFramework

/// A quantum is a difference whose sources are found on itself.
extension DetectAndMeasureTask: PipelineTask {
  package static func connections(_ config: DetectAndMeasureConfig) throws -> Connections {
    try detectionConnections(score: false).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let inputs = try DetectionInputs(context)
    let result = try run(
      science: inputs.science, matchedTemplate: inputs.matchedTemplate, difference: inputs.difference,
      kernelSources: inputs.kernelSources, idFactory: inputs.ids.makeFactory(), exposureID: inputs.ids.seed)
    try put(result, of: self, to: context)
  }
}

/// A quantum is a difference whose sources are found on its score image.
extension DetectAndMeasureScoreTask: PipelineTask {
  package static func connections(_ config: DetectAndMeasureConfig) throws -> Connections {
    try detectionConnections(score: true).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let inputs = try DetectionInputs(context)
    let result = try run(
      science: inputs.science, matchedTemplate: inputs.matchedTemplate, difference: inputs.difference,
      scoreExposure: try context.get("scoreExposure"), kernelSources: inputs.kernelSources,
      idFactory: inputs.ids.makeFactory(), exposureID: inputs.ids.seed)
    try put(result, of: self, to: context)
  }
}

private func detectionConnections(score: Bool) throws -> Connections {
  let detector: Set<Dimension> = [.visit, .detector]
  let scoreExposure = Connection(
    "scoreExposure", .input, "{coaddName}Diff_scoreTempExp", .exposure, dimensions: detector,
    doc: "the difference under its PSF as a matched filter: what sources are found on")
  return try Connections(
    dimensions: detector, visits: .science, templates: ["coaddName": "goodSeeing"],
    [
      Connection(
        "science", .prerequisiteInput, "calexp", .exposure, dimensions: detector,
        doc: "the exposure that the template was subtracted from"),
      Connection(
        "instrument", .prerequisiteInput, "instrument", .instrument, dimensions: [.instrument],
        doc: "how visits and detectors become IDs"),
      Connection(
        "matchedTemplate", .input, "{coaddName}Diff_matchedExp", .exposure, dimensions: detector,
        doc: "what was subtracted"),
      Connection(
        "difference", .input, "{coaddName}Diff_differenceTempExp", .exposure, dimensions: detector,
        doc: "what sources are measured on"),
      Connection(
        "kernelSources", .input, "{coaddName}Diff_psfMatchSources", .sourceCatalog, dimensions: detector,
        doc: "stars of the kernel, of which little should be left"),
      Connection(
        "outputSchema", .initOutput, "{coaddName}Diff_diaSrc_schema", .sourceCatalog, doc: "the columns of the sources"),
      Connection(
        "diaSources", .output, "{coaddName}Diff_diaSrc", .sourceCatalog, dimensions: detector,
        doc: "the sources of the difference, with what was dropped, and pictures of them"),
      Connection(
        "subtractedMeasuredExposure", .output, "{coaddName}Diff_differenceExp", .exposure, dimensions: detector,
        doc: "the difference with detection planes"),
    ] + (score ? [scoreExposure] : []))
}

/// What both tasks read.
private struct DetectionInputs {
  let science: Exposure
  let matchedTemplate: Exposure
  let difference: Exposure
  let kernelSources: Catalog
  let ids: IDGenerator

  init(_ context: any QuantumContext) throws {
    guard let visit = context.quantum.dataID.number(.visit), let detector = context.quantum.dataID.number(.detector)
    else { throw TaskError("\(context.quantum.dataID) is of no visit and detector") }
    ids = try IDGenerator(
      try context.get("instrument", as: VisitDetectorPacker.self), visit: visit, detector: detector)
    science = try context.get("science")
    matchedTemplate = try context.get("matchedTemplate")
    difference = try context.get("difference")
    kernelSources = try context.get("kernelSources")
  }
}

/// Writes what there is, and fails then if the result says so.
///
/// - Throws: ``TaskFramework/AnnotatedPartialOutputsError``, and what writing throws.
private func put(_ result: DetectAndMeasureResult, of task: any Task, to context: any QuantumContext) throws {
  try context.put(result.subtractedMeasuredExposure, argument: "subtractedMeasuredExposure")
  try context.put(result.diaSources.map { DiaSourceCatalog($0, result) }, argument: "diaSources")
  if let failure = result.failure { throw AnnotatedPartialOutputsError.annotate(failure, task) }
}

extension DiaSourceCatalog {
  init(_ sources: Catalog, _ result: DetectAndMeasureResult) {
    self.init(
      sources, dropped: result.droppedSources,
      cutouts: result.cutouts.map {
        [("science", $0.science), ("template", $0.template), ("difference", $0.difference)]
      } ?? [])
  }
}
