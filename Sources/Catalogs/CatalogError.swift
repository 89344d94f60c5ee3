// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with a schema, a table, a footprint or an ID.

/// An error about a table and what is in it.
///
/// Each names the category that the reference system's documentation uses.
package enum CatalogError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A field, alias or slot that cannot be what it is told to be (category InvalidParameterError).
  case invalidSchema(String)
  /// There is no field of this name; the nearest name is a suggestion (category LookupError).
  case noSuchField(name: String, suggestion: String?)
  /// A field is asked for as another type than it has (category TypeError).
  case typeMismatch(field: String, found: String, expected: String)
  /// Two tables that must have one schema differ (category RuntimeError).
  case schemaMismatch(String)
  /// Two counts that must be equal differ (category LengthError).
  case lengthMismatch(what: String, found: Int, expected: Int)
  /// All counters of a catalog are used up (category LengthError).
  case idsExhausted(catalog: Int64, count: Int64)
  /// A number does not fit its place in an ID (category InvalidParameterError).
  case invalidID(String)
  /// Spans or footprints that lie outside of what an image can be (category InvalidParameterError).
  case invalidSpans(String)

  /// The exception class of the reference system that people who migrate know.
  package var category: String {
    switch self {
    case .invalidSchema, .invalidID, .invalidSpans: "InvalidParameterError"
    case .noSuchField: "LookupError"
    case .typeMismatch: "TypeError"
    case .schemaMismatch: "RuntimeError"
    case .lengthMismatch, .idsExhausted: "LengthError"
    }
  }

  package var description: String {
    switch self {
    case .invalidSchema(let message), .schemaMismatch(let message), .invalidID(let message),
      .invalidSpans(let message):
      message
    case .noSuchField(let name, let suggestion):
      "there is no column \(name)" + (suggestion.map { "; did you mean \($0)?" } ?? "")
    case .typeMismatch(let field, let found, let expected): "column \(field) is \(found), not \(expected)"
    case .lengthMismatch(let what, let found, let expected): "\(what) is \(found), expected \(expected)"
    case .idsExhausted(let catalog, let count): "catalog \(catalog) has given out all of its \(count) IDs"
    }
  }
}
