// SPDX-License-Identifier: GPL-3.0-or-later
// What a quantum's outputs follow from.

internal import Digests
internal import Repository
internal import TaskFramework

/// What the outputs of a quantum follow from: task, configuration, data ID, and the recipes or contents of all inputs.
///
/// Two quanta with one recipe write equal bytes, so a recorded result counts for exactly as long as its recipe is that of the plan:
/// changed input, another selection or another configuration upstream all show in it.
package enum Recipe {
  /// The recipes of all quanta of a graph, in their order.
  static func all(of graph: QuantumGraph) -> [Digest256] {
    var recipes: [Digest256] = []
    recipes.reserveCapacity(graph.quanta.count)
    for quantum in graph.quanta.indices {
      let node = graph.pipeline.nodes[graph.quanta[quantum].task]
      var text = "\(node.label)\n\(node.type.typeName)\n\(node.configDigest)\n\(graph.quanta[quantum].dataID)\n"
      for use in graph.inputDatasets(of: quantum) {
        let dataset = Int(use.dataset)
        let producer = graph.producers[dataset]
        text += "\(use.connection) \(graph.reference(dataset)) "
        // What comes from the graph is in the order of quanta before what reads it.
        text += producer >= 0 ? recipes[Int(producer)].hex : graph.external[use.dataset]?.digest.sha256 ?? ""
        text += "\n"
      }
      for use in graph.outputDatasets(of: quantum) { text += "> \(graph.reference(Int(use.dataset)))\n" }
      recipes.append(SHA256.digest(Array(text.utf8)))
    }
    return recipes
  }
}
