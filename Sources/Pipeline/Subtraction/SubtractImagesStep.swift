// SPDX-License-Identifier: GPL-3.0-or-later
// Subtraction, as a step of pipelines.

internal import Catalogs
package import ImageDifferencing
internal import Imaging
internal import Repository
package import TaskFramework

/// A quantum is an exposure that a template is subtracted from.
extension AlardLuptonSubtractTask: PipelineTask {
  package static func connections(_ config: AlardLuptonSubtractConfig) throws -> Connections {
    let detector: Set<Dimension> = [.visit, .detector]
    let score = Connection(
      "scoreExposure", .output, "{coaddName}Diff_scoreTempExp", .exposure, dimensions: detector,
      doc: "the difference under its PSF as a matched filter: what sources are detected on")
    return try Connections(
      dimensions: detector, visits: .science, templates: ["coaddName": "goodSeeing"],
      [
        Connection(
          "science", .prerequisiteInput, "calexp", .exposure, dimensions: detector, doc: "the exposure to subtract from"
        ),
        Connection(
          "sources", .prerequisiteInput, "src", .sourceCatalog, dimensions: detector,
          doc: "what was measured on it: its stars make the kernel"),
        Connection(
          "template", .input, "{coaddName}Diff_templateExp", .exposure, dimensions: detector,
          doc: "the template on the exposure's pixels, in its counts"),
        Connection(
          "difference", .output, "{coaddName}Diff_differenceTempExp", .exposure, dimensions: detector,
          doc: "the exposure less the template, in the exposure's counts"),
        Connection(
          "matchedTemplate", .output, "{coaddName}Diff_matchedExp", .exposure, dimensions: detector,
          doc: "what was subtracted"),
        Connection(
          "psfMatchingKernel", .output, "{coaddName}Diff_psfMatchKernel", .kernel, dimensions: detector,
          doc: "the kernel that made them alike, and the background fitted with it"),
        Connection(
          "kernelSources", .output, "{coaddName}Diff_psfMatchSources", .sourceCatalog, dimensions: detector,
          doc: "the sources that were candidates for the kernel"),
      ] + (config.doScore ? [score] : [])
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let result = try run(
      template: try context.get("template"), science: try context.get("science"), sources: try context.get("sources"))
    if config.doScore {
      guard let score = result.score else { throw TaskError("there is no score: the difference has no PSF") }
      try context.put(score, argument: "scoreExposure")
    }
    try context.put(result.difference, argument: "difference")
    try context.put(result.matchedTemplate, argument: "matchedTemplate")
    try context.put(result.psfMatchingKernel, argument: "psfMatchingKernel")
    try context.put(result.kernelSources, argument: "kernelSources")
  }
}
