// SPDX-License-Identifier: GPL-3.0-or-later
// How a quantum ended.

/// What is to be said about a success (framework C.9); the bits are the reference system's.
package struct Caveats: OptionSet, Hashable, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let anyOutputsMissing = Caveats(rawValue: 1)
  package static let allOutputsMissing = Caveats(rawValue: 2)
  package static let noWork = Caveats(rawValue: 4)
  package static let adjustQuantumRaised = Caveats(rawValue: 8)
  package static let upstreamFailureNoWork = Caveats(rawValue: 16)
  package static let unprocessableData = Caveats(rawValue: 32)
  package static let partialOutputsError = Caveats(rawValue: 64)

  /// Two characters for a table: `*` all outputs missing, `+` some; then the strongest reason.
  package var conciseCode: String {
    let missing = contains(.allOutputsMissing) ? "*" : contains(.anyOutputsMissing) ? "+" : ""
    let reasons: [(Caveats, String)] = [
      (.adjustQuantumRaised, "A"), (.unprocessableData, "D"), (.upstreamFailureNoWork, "U"),
      (.partialOutputsError, "P"), (.noWork, "N"),
    ]
    return missing + (reasons.first { contains($0.0) }?.1 ?? "")
  }
}

/// How a quantum ended.
package enum QuantumOutcome: Hashable, Sendable {
  case succeeded(Caveats)
  /// The error's category and message.
  case failed(category: String, message: String)

  /// The outcome of a quantum that threw, or did not.
  ///
  /// - Parameters:
  ///   - missing: how many of the predicted outputs were not written, and how many were predicted.
  ///   - raisesOnPartialOutputs: whether a failure with good partial outputs is a failure.
  package init(
    error: (any Error)?, missing: (count: Int, predicted: Int), raisesOnPartialOutputs: Bool = true
  ) {
    var caveats: Caveats = []
    if missing.count > 0 { caveats.insert(.anyOutputsMissing) }
    if missing.count > 0, missing.count == missing.predicted { caveats.insert(.allOutputsMissing) }
    switch error {
    case nil: self = .succeeded(caveats)
    case let noWork as NoWorkFound:
      caveats.insert(.noWork)
      switch noWork.cause {
      case .noInput: break
      case .upstreamFailure: caveats.insert(.upstreamFailureNoWork)
      case .unprocessableData: caveats.insert(.unprocessableData)
      }
      self = .succeeded(caveats)
    case let partial as AnnotatedPartialOutputsError where !raisesOnPartialOutputs:
      caveats.insert(.partialOutputsError)
      _ = partial
      self = .succeeded(caveats)
    case .some(let error): self = .failed(category: categoryName(of: error), message: "\(error)")
    }
  }

  /// The outcome of a quantum that `adjustQuantum` found to have no work: nothing was tried.
  package static let noWorkBeforeStart = QuantumOutcome.succeeded([
    .adjustQuantumRaised, .noWork, .anyOutputsMissing, .allOutputsMissing,
  ])
}
