// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with a configuration.

/// Where a value of a configuration comes from.
package enum ConfigOrigin: Hashable, Sendable, CustomStringConvertible {
  case classDefault
  case environment(variable: String)
  /// The repository's overrides for its instrument.
  case instrument(file: String, line: Int?)
  case file(String, line: Int?)
  /// As typed.
  case commandLine(String)
  /// The program itself, for a reason that it names.
  case code(String)

  package var description: String {
    switch self {
    case .classDefault: "default"
    case .environment(let variable): "environment variable \(variable)"
    case .instrument(let file, let line): "instrument, " + Self.place(file, line)
    case .file(let file, let line): Self.place(file, line)
    case .commandLine(let text): "command line, \(text)"
    case .code(let reason): reason
    }
  }

  private static func place(_ file: String, _ line: Int?) -> String { line.map { "\(file):\($0)" } ?? file }

  /// The same origin at a line of its file.
  package func at(line: Int?) -> ConfigOrigin {
    switch self {
    case .instrument(let file, let old): .instrument(file: file, line: line ?? old)
    case .file(let file, let old): .file(file, line: line ?? old)
    default: self
    }
  }
}

/// What is wrong at a path of a configuration, wherever it came from.
package struct ConfigProblem: Error, Hashable, Sendable {
  /// The field's path from the task on, such as `kernel.AL.spatialKernelOrder`.
  package var path: String
  /// What is wrong with it, with what is allowed.
  package var reason: String
  package var suggestion: String?

  package init(path: String, reason: String, suggestion: String? = nil) {
    self.path = path
    self.reason = reason
    self.suggestion = suggestion
  }

  func inside(_ name: String) -> ConfigProblem {
    ConfigProblem(path: path.isEmpty ? name : "\(name).\(path)", reason: reason, suggestion: suggestion)
  }
}

/// An error about a configuration: where it was given, the field, what is wrong, what is allowed (category FieldValidationError).
package struct ConfigError: Error, Hashable, Sendable, CustomStringConvertible {
  package let origin: ConfigOrigin
  package let path: String
  package let reason: String
  package let suggestion: String?

  package init(origin: ConfigOrigin, path: String, reason: String, suggestion: String? = nil) {
    self.origin = origin
    self.path = path
    self.reason = reason
    self.suggestion = suggestion
  }

  init(_ problem: ConfigProblem, origin: ConfigOrigin) {
    self.init(origin: origin, path: problem.path, reason: problem.reason, suggestion: problem.suggestion)
  }

  package var category: String { "FieldValidationError" }

  package var description: String {
    let place = origin == .classDefault ? "" : "\(origin): "
    let field = path.isEmpty ? "" : "\(path): "
    return place + field + reason + (suggestion.map { "; did you mean \($0)?" } ?? "")
  }
}
