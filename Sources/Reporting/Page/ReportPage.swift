// SPDX-License-Identifier: GPL-3.0-or-later
// The report of a run as a web page.

internal import Mustache
package import TaskFramework

/// The page `report.html`, made from a report's JSON alone.
///
/// It is one file without scripts and without anything from elsewhere, and never larger than 2 MB: long lists end with a line
/// that says how much more `report.json` has. JSON that is no report gives a page with little on it. Whatever comes from data is
/// escaped.
package struct ReportPage: Sendable {
  private let report: JSONValue

  package init(report: JSONValue) { self.report = report }

  package var html: String { Self.template.render(PageModel(report: report).values) }

  private static let template: MustacheTemplate = {
    HTMLEscaping.register()
    do {
      return try MustacheTemplate(string: pageTemplate)
    } catch {
      // The template is part of the program.
      preconditionFailure("the page's template: \(error)")
    }
  }()
}
