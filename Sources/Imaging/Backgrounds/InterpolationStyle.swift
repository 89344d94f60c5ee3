// SPDX-License-Identifier: GPL-3.0-or-later
// The ways to draw a curve through nodes.

/// How a curve is drawn through nodes; raw values are the names of configuration files.
package enum InterpolationStyle: String, CaseIterable, Hashable, Sendable {
  case constant = "CONSTANT"
  case linear = "LINEAR"
  case naturalSpline = "NATURAL_SPLINE"
  /// The same as ``naturalSpline``, under its other name.
  case cubicSpline = "CUBIC_SPLINE"
  case akimaSpline = "AKIMA_SPLINE"

  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a name that is none of the raw values.
  package init(named name: String) throws(ImagingError) {
    guard let style = InterpolationStyle(rawValue: name) else {
      throw .invalidParameter(
        "there is no interpolation style \(name); the styles are "
          + Self.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self = style
  }

  /// The fewest nodes that the style can use.
  package var minimumNodeCount: Int {
    switch self {
    case .constant: 1
    case .linear: 2
    case .naturalSpline, .cubicSpline: 3
    case .akimaSpline: 5
    }
  }

  /// The smoothest style for a number of nodes.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for no nodes.
  package static func best(forNodeCount count: Int) throws(ImagingError) -> InterpolationStyle {
    switch count {
    case ..<1: throw .invalidParameter("there is no interpolation style for \(count) nodes")
    case 1: .constant
    case 2: .linear
    case 3, 4: .cubicSpline
    default: .akimaSpline
    }
  }
}

/// What to do when a grid has fewer nodes than the style needs.
package enum UndersampleStyle: String, CaseIterable, Hashable, Sendable {
  case throwException = "THROW_EXCEPTION"
  /// Use the smoothest style that the nodes allow.
  case reduceInterpOrder = "REDUCE_INTERP_ORDER"
  /// Make the grid finer, which only who makes the grid can do: here an error.
  case increaseSampling = "INCREASE_NXNYSAMPLE"
}
