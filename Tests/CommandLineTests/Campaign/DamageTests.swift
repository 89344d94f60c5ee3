// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

extension ProgramTests {
  /// Anchors 5 #15: outputs that are not what was recorded are found, and exactly they are made again.
  @Suite(.serialized) struct DamageTests {
    private let measured = "mock_measured/visit100/mock_measured-visit100-detector0.h5"
    private let other = "mock_measured/visit101/mock_measured-visit101-detector1.h5"
    private let difference = "mock_difference/visit102/mock_difference-visit102-detector1.h5"

    /// What was recorded with success more than once, by task.
    private func redone(_ survey: MicroSurvey) throws -> [String: Int] {
      var seen: Set<String> = []
      var redone: [String: Int] = [:]
      let text = try String(contentsOfFile: "\(survey.runFolder)/journal.jsonl", encoding: .utf8)
      for line in text.split(separator: "\n") {
        let json = try JSONValue(parsing: String(line))
        for quantum in json["quanta"]?.elements ?? [] {
          guard case .string(let recipe)? = quantum["recipe"], case .string(let task)? = quantum["record"]?["task"]
          else { continue }
          if !seen.insert(recipe).inserted { redone[task, default: 0] += 1 }
        }
      }
      return redone
    }

    private func expectRepair(
      _ what: String, _ expected: [String: Int], _ damage: (String) throws -> Void
    ) throws {
      let survey = try MicroSurvey()
      try survey.run()
      try damage(survey.runFolder)
      let verification = try survey.command("verify", survey.runFolder)
      #expect(verification.status == 65, "\(what): \(verification.output)")
      let plan = try survey.command("plan", "micro.yaml")
      #expect(plan.status == 0 && !plan.errors.isEmpty, "\(what): the plan warns")
      let end = try survey.run(ranks: 2)
      #expect(end.status == 0, "\(end.errors)")
      try survey.expectGolden(what)
      let redone = try redone(survey)
      #expect(redone == expected, "\(what)")
      #expect(try survey.command("verify", survey.runFolder).status == 0)
      let last = try survey.run()
      #expect(last.errors.contains("nothing was left to do"))
    }

    @Test func aTamperedOutput() throws {
      // What it is made of is in no file, so that is made again too.
      try expectRepair("tampered", ["mockCalibrate": 1, "mockMeasure": 1]) { folder in
        var bytes = try Data(contentsOf: URL(filePath: "\(folder)/\(measured)"))
        bytes[bytes.count / 2] ^= 0x10
        // In place, so that neither size nor name tells.
        let handle = try FileHandle(forWritingTo: URL(filePath: "\(folder)/\(measured)"))
        try handle.write(contentsOf: bytes)
        try handle.close()
      }
    }

    /// Whoever changed it has set its time back.
    @Test func aTamperedOutputThatLooksUntouched() throws {
      try expectRepair("tampered, and its time set back", ["mockCalibrate": 1, "mockMeasure": 1]) { folder in
        let path = "\(folder)/\(measured)"
        let before = try FileManager.default.attributesOfItem(atPath: path)
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        try handle.seek(toOffset: 3000)
        try handle.write(contentsOf: Data("damage".utf8))
        try handle.close()
        try FileManager.default.setAttributes(
          [.modificationDate: try #require(before[.modificationDate])], ofItemAtPath: path)
      }
    }

    @Test func aMissingOutput() throws {
      // The template of the difference was dropped when all had it.
      try expectRepair("missing", ["mockCoadd": 1, "mockDifference": 1]) { folder in
        try FileManager.default.removeItem(atPath: "\(folder)/\(difference)")
      }
    }

    @Test func aTruncatedOutput() throws {
      try expectRepair("truncated", ["mockCoadd": 1, "mockDifference": 1]) { folder in
        let handle = try FileHandle(forWritingTo: URL(filePath: "\(folder)/\(difference)"))
        try handle.truncate(atOffset: 100)
        try handle.close()
      }
    }

    @Test func swappedOutputs() throws {
      try expectRepair("swapped", ["mockCalibrate": 2, "mockMeasure": 2]) { folder in
        let manager = FileManager.default
        try manager.moveItem(atPath: "\(folder)/\(measured)", toPath: "\(folder)/x")
        try manager.moveItem(atPath: "\(folder)/\(other)", toPath: "\(folder)/\(measured)")
        try manager.moveItem(atPath: "\(folder)/x", toPath: "\(folder)/\(other)")
      }
    }

    @Test func aTouchedOutputIsReadAndKept() throws {
      let survey = try MicroSurvey()
      try survey.run()
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: "\(survey.runFolder)/\(measured)")
      let end = try survey.run()
      #expect(end.status == 0 && end.errors.contains("nothing was left to do"), "\(end.errors)")
    }

    @Test func aDamagedLineOfTheJournal() throws {
      let survey = try MicroSurvey()
      try survey.run()
      let path = "\(survey.runFolder)/journal.jsonl"
      var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
      let place = try #require(lines.firstIndex { $0.contains("mockDifference of visit 102, detector 1") })
      lines[place] = lines[place].replacing("succeeded", with: "succeedeX")
      try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
      let end = try survey.run()
      #expect(end.status == 0)
      #expect(end.errors.contains("journal.jsonl: line \(place + 1) (byte "), "\(end.errors)")
      try survey.expectGolden("a damaged line")
    }

    @Test func changedInputIsNoticed() throws {
      let survey = try MicroSurvey()
      try survey.run()
      try FileManager.default.removeItem(atPath: "\(survey.folder)/micro-survey/visits.h5")
      try FileManager.default.removeItem(atPath: "\(survey.folder)/micro-survey/repository.yaml")
      try survey.remakeRepository(offset: 5)
      let plan = try survey.command("plan", "micro.yaml")
      #expect(plan.output.contains("mockCalibrate     6"), "\(plan.output)\(plan.errors)")
      let end = try survey.run()
      #expect(end.status == 0, "\(end.errors)")
      #expect(try survey.timelessReport() != MicroSurvey.golden.get().report)
    }
  }
}
