// SPDX-License-Identifier: GPL-3.0-or-later
package import TaskFramework

package struct MatchBackgroundsConfig: Config {
  package var tract = TractMatchingConfig()
  package var connections = ConnectionNames()
  package init() {}
  package static let fields: [ConfigField<Self>] = [
    .config("tract", \.tract, doc: "how the backgrounds of a whole tract are matched, in pipelines"),
    .connections("connections", \.connections),
  ]
}
package final class MatchBackgroundsTask: Task {
  package static let defaultName: String? = "matchBackgrounds"
  package let node: TaskNode
  package let config: MatchBackgroundsConfig
  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }
}
