// SPDX-License-Identifier: GPL-3.0-or-later
// Configurations as text.

/// Writes configurations as YAML that reads back as the same.
package enum ConfigText {
  /// A value in one line.
  package static func inline(_ value: ConfigValue) -> String {
    switch value {
    case .null: return "null"
    case .boolean(let flag): return flag ? "true" : "false"
    case .integer(let whole): return "\(whole)"
    case .number(let number):
      if number.isNaN { return ".nan" }
      if number.isInfinite { return number > 0 ? ".inf" : "-.inf" }
      return "\(number)"
    case .string(let text): return quoted(text)
    case .list(let values): return "[" + values.map(inline).joined(separator: ", ") + "]"
    case .mapping(let entries):
      return "{" + entries.map { "\(quoted($0.key)): \(inline($0.value))" }.joined(separator: ", ") + "}"
    }
  }

  /// Text as it has to be written to be read as text.
  package static func quoted(_ text: String) -> String {
    let isPlain =
      text.first.map { $0.isASCII && ($0.isLetter || $0 == "_" || $0 == "/") } ?? false
      && text.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "_-./+".utf8.contains($0)
      }
    if isPlain, case .string = YAMLText.parseValue(text) { return text }
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case _ where scalar.value < 32 || scalar.value == 127:
        let digits = String(scalar.value, radix: 16)
        out += "\\x" + (digits.count < 2 ? "0" : "") + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  /// A configuration under a name, with the meaning of every field and, where it is not the default, its origin.
  ///
  /// - Parameter origins: by path, counted from the task on.
  package static func yaml(
    _ name: String, _ tree: ConfigTree, doc: String? = nil, origins: [String: ConfigOrigin] = [:]
  ) -> String {
    var lines: [String] = []
    append(name, doc, tree, path: [], origins, indent: "", to: &lines)
    return lines.joined(separator: "\n") + "\n"
  }

  private static func append(
    _ name: String, _ doc: String?, _ tree: ConfigTree, path: [String], _ origins: [String: ConfigOrigin],
    indent: String, to lines: inout [String]
  ) {
    if let doc, !doc.isEmpty {
      var comment = doc
      if case .leaf(let leaf) = tree {
        comment += " (" + [leaf.typeName, leaf.requirement].filter { !$0.isEmpty }.joined(separator: ", ") + ")"
      }
      lines += wrapped(comment, width: 118 - indent.count).map { "\(indent)# \($0)" }
    }
    switch tree {
    case .leaf(let leaf):
      let origin = origins[path.joined(separator: ".")].flatMap { $0 == .classDefault ? nil : $0 }
      lines.append("\(indent)\(name): \(inline(leaf.value))" + (origin.map { "  # from \($0)" } ?? ""))
    case .group(let members):
      lines.append("\(indent)\(name):" + (members.isEmpty ? " {}" : ""))
      for member in members {
        append(
          member.name, member.doc, member.tree, path: path + [member.name], origins, indent: indent + "  ", to: &lines)
      }
    }
  }

  private static func wrapped(_ text: String, width: Int) -> [String] {
    var lines = [""]
    for word in text.split(whereSeparator: \.isWhitespace) {
      if !lines[lines.count - 1].isEmpty, lines[lines.count - 1].count + 1 + word.count > width { lines.append("") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines
  }

  /// What differs between two configurations, leaf by leaf; floats may differ by 1 in 10⁸, NaN equals NaN.
  package static func differences(_ a: ConfigTree, _ b: ConfigTree) -> [(path: String, own: String, other: String)] {
    let others = Dictionary(b.leaves.map { ($0.path, $0.leaf.value) }) { first, _ in first }
    var result: [(path: String, own: String, other: String)] = []
    for leaf in a.leaves {
      guard let other = others[leaf.path] else {
        result.append((leaf.path, inline(leaf.leaf.value), "nothing"))
        continue
      }
      if !isClose(leaf.leaf.value, other) { result.append((leaf.path, inline(leaf.leaf.value), inline(other))) }
    }
    let own = Set(a.leaves.map(\.path))
    for leaf in b.leaves where !own.contains(leaf.path) {
      result.append((leaf.path, "nothing", inline(leaf.leaf.value)))
    }
    return result
  }

  private static func isClose(_ a: ConfigValue, _ b: ConfigValue) -> Bool {
    switch (a, b) {
    case (.number(let x), .number(let y)):
      x == y || (x.isNaN && y.isNaN) || abs(x - y) <= 1e-8 + 1e-8 * abs(y)
    case (.list(let x), .list(let y)): x.count == y.count && zip(x, y).allSatisfy(isClose)
    default: a == b
    }
  }
}
