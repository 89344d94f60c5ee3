// SPDX-License-Identifier: GPL-3.0-or-later
// The micro job, and what it makes when nobody disturbs it.

import Foundation
import MockTasks
import TestSupport
import Testing

/// A folder with the micro job and its repository.
final class MicroSurvey: JobFolder {
  /// - Parameter change: changes the job's text.
  init(visits: Int = 4, detectors: Int = 2, _ change: (inout String) -> Void = { _ in }) throws {
    try super.init(program: "skydiff-mock", jobFile: "micro.yaml", repository: "micro-survey", run: "micro")
    try makeMockRepository(repository, visits: visits, detectors: detectors)
    try write(change)
  }

  func write(name: String = "micro.yaml", _ change: (inout String) -> Void = { _ in }) throws {
    var text = try String(contentsOf: SharedData.packageRoot.appending(path: "jobs/micro.yaml"), encoding: .utf8)
    change(&text)
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  /// Makes the repository's exposures again, with other pixels.
  func remakeRepository(offset: Int) throws {
    try makeMockRepository(repository, visits: 4, detectors: 2, offset: offset)
  }

  /// What an undisturbed run in one process makes.
  static let golden: Result<Golden, any Error> = Result {
    let survey = try MicroSurvey()
    let end = try survey.run()
    #expect(end.status == 0, "\(end.errors)")
    return (try survey.products(), try survey.timelessReport())
  }

  /// Whether the run is what an undisturbed one is: files byte for byte, and the report.
  func expectGolden(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try expect(try Self.golden.get(), what, sourceLocation: sourceLocation)
  }
}
