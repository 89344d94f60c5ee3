// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Digests
import Imaging
import Repository
import TaskFramework
import Testing

@Suite struct RecipeTests {
  /// The names of quanta that both plans have and whose recipes differ.
  private func changed(_ a: RunPlan, _ b: RunPlan) -> Set<String> {
    let recipes = Dictionary(uniqueKeysWithValues: a.graph.quanta.indices.map { (a.graph.name($0), a.recipes[$0]) })
    return Set(
      b.graph.quanta.indices.filter {
        recipes[b.graph.name($0)].map { [recipe = b.recipes[$0]] in $0 != recipe } ?? false
      }
      .map { b.graph.name($0) })
  }

  @Test func recipesRepeatAndDiffer() throws {
    let survey = try MockSurvey()
    let first = try survey.plan(try survey.job())
    let second = try survey.plan(try survey.job(["run": "other", "execution": "{ attempts: 7 }", "retain": ""]))
    #expect(first.recipes == second.recipes)
    #expect(Set(first.recipes).count == 19)
  }

  @Test(arguments: [
    ("mockSummary", ["mockSummary": 1]), ("mockDifference", ["mockDifference": 2, "mockSummary": 1]),
    ("mockCoadd", ["mockCoadd": 4, "mockDifference": 2, "mockSummary": 1]),
    ("mockMeasure", ["mockMeasure": 6, "mockCoadd": 4, "mockDifference": 2, "mockSummary": 1]),
    ("mockCalibrate", ["mockCalibrate": 6, "mockMeasure": 6, "mockCoadd": 4, "mockDifference": 2, "mockSummary": 1]),
  ]) func aConfigurationChangesWhatIsBehindIt(_ task: String, _ expected: [String: Int]) throws {
    let survey = try MockSurvey()
    let changes = changed(
      try survey.plan(try survey.job()), try survey.plan(try survey.job(["config": "{ \(task): { factor: 2 } }"])))
    #expect(RunPlan.labels(changes) == expected)
  }

  @Test func anInputChangesWhatIsBehindIt() throws {
    let survey = try MockSurvey(hasFiles: true)
    let before = try survey.plan(try survey.job())
    var repository = try InputRepository(survey.repository)
    let reference = DatasetRef("calexp", try DataID([.visit: .number(101), .detector: .number(0)]))
    var exposure = try repository.read(reference, as: Exposure.self).content
    var image = exposure.maskedImage.image
    image[0, 0] += 1
    exposure.maskedImage = try MaskedImage(
      image: image, mask: exposure.maskedImage.mask, variance: exposure.maskedImage.variance)
    try repository.add(Dataset(exposure), visit: 101, detector: 0, band: "r")
    try repository.commit()
    let changes = changed(before, try survey.plan(try survey.job()))
    // Visit 101 is of the band r, which no science visit has.
    #expect(RunPlan.labels(changes) == ["mockCalibrate": 1, "mockMeasure": 1, "mockCoadd": 1])
    #expect(changes.isSuperset(of: ["mockCalibrate of visit 101, detector 0", "mockMeasure of visit 101, detector 0"]))
    #expect(changes.contains { $0.hasPrefix("mockCoadd") && $0.hasSuffix("band r") })
  }

  @Test func aSelectionChangesWhatReadsOtherThings() throws {
    let survey = try MockSurvey(visits: 6)
    let before = try survey.plan(try survey.job(["select": "", "template": "{ visit: 100..102 }"]))
    // One visit less in the template of g: its coadds, and the difference of 104, are others; those of r are not.
    let fewer = try survey.plan(try survey.job(["select": "{ visit: 101..105 }", "template": "{ visit: 100..102 }"]))
    #expect(RunPlan.labels(changed(before, fewer)) == ["mockCoadd": 2, "mockDifference": 2, "mockSummary": 1])
    // A science visit less changes nothing of the others.
    let science = try survey.plan(try survey.job(["select": "{ visit: 100..104 }", "template": "{ visit: 100..102 }"]))
    #expect(changed(before, science).isEmpty)
    // Of half a visit the summary is another.
    let half = try survey.plan(try survey.job(["select": "{ detector: 0 }", "template": "{ visit: 100..102 }"]))
    #expect(RunPlan.labels(changed(before, half)) == ["mockSummary": 3])
  }

  @Test func theSameTaskUnderAnotherNameIsAnother() throws {
    let survey = try MockSurvey()
    let retain = ["retain": "[mock_calibrated]"]
    let own = try survey.plan(try survey.job(["pipeline": "[mockCalibrate]"].merging(retain) { a, _ in a }))
    let other = try survey.plan(
      try survey.job(["pipeline": "[{ other: mockCalibrate }]"].merging(retain) { a, _ in a }))
    #expect(Set(own.recipes).isDisjoint(with: other.recipes))
  }
}
