// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Foundation
import Repository
import TaskFramework
import Testing

@Suite struct RunDescriptionTests {
  private let survey: MockSurvey

  init() throws { survey = try MockSurvey(visits: 2, detectors: 1) }

  private func description(_ changes: [String: String] = [:]) throws -> RunDescription {
    try RunFolder.description(of: try survey.job(changes))
  }

  private func written(_ description: RunDescription, keeping earlier: RunDescription.Earlier? = nil) throws
    -> RunDescription.Earlier
  {
    try RunDescription.Earlier(try survey.folder.write(description.text(keeping: earlier), to: "run.yaml"))
  }

  @Test func anEqualJobHasNoDifferences() throws {
    let own = try description(["config": "{ mockCoadd: { factor: 0.1, fails: \"a 'b' #c: \\\"\", seconds: 1e-300 } }"])
    let earlier = try written(own)
    #expect(own.differences(from: earlier).isEmpty && own.softwareDifferences(from: earlier).isEmpty)
    #expect(
      earlier.configs.map(\.label) == ["mockCalibrate", "mockMeasure", "mockCoadd", "mockDifference", "mockSummary"])
    #expect(earlier.schemas.keys.sorted() == ["mock_measured_schema"])
    // Written again it is the same text, byte for byte.
    let text = own.text(keeping: nil)
    #expect(own.text(keeping: earlier) == text)
  }

  @Test func whatIsNoScienceIsNoDifference() throws {
    let earlier = try written(try description())
    let other = try description([
      "execution": "{ attempts: 9, timeout: 3 }", "retain": "", "select": "{ visit: 100 }",
      "template": "{ allowSelf: true }",
    ])
    #expect(other.differences(from: earlier).isEmpty)
  }

  @Test func aConfigurationThatDiffersIsShown() throws {
    let earlier = try written(try description())
    let other = try description([
      "config": "{ mockCoadd: { factor: 2.5, connections.coadd: other }, mockMeasure: { fails: x } }", "retain": "",
    ])
    let differences = other.differences(from: earlier)
    #expect(differences.count == 3)
    #expect(differences.contains("mockCoadd.factor was 1.0, is 2.5"))
    #expect(
      differences.contains { $0.hasPrefix("mockMeasure.fails was") && $0.hasSuffix("x\"") || $0.hasSuffix("is x") })
    #expect(differences.contains { $0.contains("mockCoadd.connections") && $0.contains("other") })
    let change = ConfigurationChange(path: "run.yaml", differences: differences)
    #expect(change.description.contains("--restart") && change.description.contains("another run name"))
  }

  @Test func manyDifferencesAreShownInPart() {
    let change = ConfigurationChange(path: "run.yaml", differences: (0..<25).map { "difference \($0)" })
    #expect(change.description.contains("difference 19; and 5 more") && !change.description.contains("difference 20"))
  }

  @Test func aSchemaOrASkyMapThatDiffersIsShown() throws {
    let job = try survey.job()
    let own = RunDescription(
      job, schemas: ["a_schema": "1", "b_schema": "1"], skyMapDigest: "m", software: ["HDF5": "1", "MPI": "1"])
    let earlier = try written(
      RunDescription(
        job, schemas: ["a_schema": "1", "b_schema": "2", "c_schema": "3"], skyMapDigest: "n",
        software: ["HDF5": "2", "GSL": "1"]))
    #expect(
      own.differences(from: earlier) == ["the repository's sky map is another", "the schema b_schema is another"])
    #expect(own.softwareDifferences(from: earlier) == ["HDF5 2 → 1"])
    // Nothing of what was there is lost.
    let both = try written(own, keeping: earlier)
    #expect(both.schemas == ["a_schema": "1", "b_schema": "1", "c_schema": "3"])
    #expect(both.software == ["HDF5": ["2", "1"], "MPI": ["1"], "GSL": ["1"]])
  }

  @Test func labelsOfEarlierJobsAreKeptAndCompared() throws {
    let first = try description(["config": "{ mockCoadd: { factor: 2 } }"])
    let earlier = try written(first)
    let part = try description(["pipeline": "[mockCalibrate, mockMeasure]", "retain": ""])
    #expect(part.differences(from: earlier).isEmpty)
    let kept = try written(part, keeping: earlier)
    #expect(Set(kept.configs.map(\.label)) == Set(earlier.configs.map(\.label)))
    // The part did not have the coadd; the whole has, and another one.
    #expect(first.differences(from: kept).isEmpty)
    #expect(try description().differences(from: kept) == ["mockCoadd.factor was 2.0, is 1.0"])
  }

  @Test func aFieldThatIsNoLongerThereCannotBeCompared() throws {
    let text = try description().text(keeping: nil)
    let file = try survey.folder.write(text.replacingOccurrences(of: "factor:", with: "fcator:"), to: "run.yaml")
    let differences = try description().differences(from: try RunDescription.Earlier(file))
    #expect(differences.count == 5 && differences.allSatisfy { $0.contains("cannot be compared") })
  }

  @Test(arguments: ["", "3", "format: \"skydiff run 2\"", "format: 1", "[a", "a: 1\na: 2", "format: *x"])
  func aFileOfAnotherKindIsAnError(_ text: String) throws {
    let file = try survey.folder.write(text, to: "run.yaml")
    let error = #expect(throws: ConfigError.self) { _ = try RunDescription.Earlier(file) }
    #expect(error?.description.contains("run.yaml") == true)
  }

  @Test func aFileThatHoldsOddThingsIsRead() throws {
    let file = try survey.folder.write(
      "format: \"skydiff run 1\"\nschemas: [1]\nsoftware: { HDF5: 3, MPI: [1, x] }\nconfig: { mockCoadd: 3, nobody: { a: 1 } }\n",
      to: "run.yaml")
    let earlier = try RunDescription.Earlier(file)
    #expect(earlier.schemas.isEmpty && earlier.software == ["MPI": ["x"]])
    let differences = try description().differences(from: earlier)
    #expect(differences.contains { $0.hasPrefix("mockCoadd cannot be compared") })
  }

  // MARK: - The folder

  @Test func aRunFolderComparesAndKeeps() throws {
    let job = try survey.job()
    _ = try RunFolder(job, restarts: false, environment: [:])
    let other = try survey.job(["config": "{ mockCoadd: { factor: 2 } }"])
    let change = #expect(throws: ConfigurationChange.self) {
      _ = try RunFolder(other, restarts: false, environment: [:])
    }
    #expect(change?.differences == ["mockCoadd.factor was 1.0, is 2.0"])
    // The old one is whole, and goes on.
    _ = try RunFolder(job, restarts: false, environment: [:])
    for number in 1...2 {
      _ = try RunFolder(number == 1 ? other : job, restarts: true, environment: [:])
      #expect(FileManager.default.fileExists(atPath: "\(job.runFolder)/run.yaml~\(number)"))
    }
  }

  @Test func whatKilledProcessesLeftIsSwept() throws {
    let job = try survey.job()
    let deep = job.runFolder + "/mock_coadd/tract0"
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    for name in [".skydiff-1-2.tmp", "keep.h5", ".skydiff-x", "x.tmp"] {
      try Data([1]).write(to: URL(fileURLWithPath: "\(deep)/\(name)"))
    }
    _ = try RunFolder(job, restarts: false, environment: [:])
    #expect(try FileManager.default.contentsOfDirectory(atPath: deep).sorted() == [".skydiff-x", "keep.h5", "x.tmp"])
  }
}
