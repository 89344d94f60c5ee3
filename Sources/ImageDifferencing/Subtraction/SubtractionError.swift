// SPDX-License-Identifier: GPL-3.0-or-later
// Pairs that cannot be subtracted.

package import SkyGeometry
internal import TaskFramework

/// Two exposures that are no pair (category AssertionError, as the reference system's documentation has it).
package enum SubtractionError: CategorizedError, Hashable, CustomStringConvertible {
  case differentBands(science: String, template: String)
  case differentWCS
  case templateTooSmall(template: Box2I, science: Box2I)

  package var category: String { "AssertionError" }

  package var description: String {
    switch self {
    case .differentBands(let science, let template):
      "the science exposure is of band \(science), the template of band \(template)"
    case .differentWCS:
      "the template's WCS is not the science exposure's: warp the template onto the science exposure's pixels first"
    case .templateTooSmall(let template, let science):
      "the template's pixels \(template) do not hold the science exposure's \(science)"
    }
  }
}
