// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Catalogs
import Foundation
import TaskFramework
import TestSupport
import Testing

@Suite struct SelectionTests {
  private func selection(_ yaml: String) throws -> Selection {
    try Selection(try YAMLText.parse(yaml), key: "select", from: .file("job.yaml", line: 3))
  }

  private func visits(_ selection: Selection, upTo end: Int64 = 20) -> [Int64] {
    (0...end).filter { selection.contains(.visit, .number($0)) }
  }

  @Test(
    arguments: [
      ("3", [3]), ("3..5", [3, 4, 5]), ("3..11:3", [3, 6, 9]), ("3..3", [3]), ("7:2", [7]), ("[3, 5]", [3, 5]),
      ("[1..2, 9..11:2, 5]", [1, 2, 9, 11, 5].sorted()), ("[[1, 2], [7]]", [1, 2, 7]), ("'1,4^6'", [1, 4, 6]),
      ("' 2 , 3..4 '", [2, 3, 4]),
      ("[5, 5, 4..5]", [4, 5]), ("9223372036854775807", []), ("19..9223372036854775807", [19, 20]),
    ] as [(String, [Int64])]) func numbersAreSelected(_ text: String, _ expected: [Int64]) throws
  {
    let selection = try selection("{ visit: \(text) }")
    #expect(visits(selection) == expected)
    // Dimensions that it says nothing of are not restricted.
    #expect(selection.contains(.detector, .number(77)) && selection.contains(.band, .name("z")))
    // A number is no name.
    #expect(!selection.contains(.visit, .name("3")))
  }

  @Test(arguments: ["all", "[all]", "[3, all]", "[all, 3]", "'3,all'", "' all '"]) func allIsAll(_ text: String) throws
  {
    #expect(visits(try selection("{ visit: \(text) }")).count == 21)
  }

  @Test func nothingIsEverything() throws {
    for text in ["", "{}", "null"] { #expect(try selection(text) == Selection()) }
    #expect(Selection().description == "everything")
  }

  @Test func namesAreSelected() throws {
    let some = try selection("{ band: [g, 'r^i'] }")
    #expect(["g", "r", "i"].allSatisfy { some.contains(.band, .name($0)) })
    #expect(!some.contains(.band, .name("z")) && !some.contains(.band, .name("g,r")))
    // A band's name may look like something else in YAML.
    let odd = try selection("{ band: [1, true, y] }")
    #expect(["1", "true", "y"].allSatisfy { odd.contains(.band, .name($0)) })
    #expect(try selection("{ band: 'g,all' }").contains(.band, .name("z")))
  }

  @Test(arguments: [
    ("visit", "5..3", "ends before it begins"), ("visit", "[]", "the list is empty"), ("visit", ".nan", "nan is given"),
    ("visit", "1.5", "1.5 is given"), ("visit", "-1", "whole number from 0 on"),
    ("visit", "3..", "whole number from 0 on"),
    ("visit", "..3", "whole number from 0 on"), ("visit", "3..4..5", "whole number from 0 on"),
    ("visit", "3...5", "whole number"),
    ("visit", "3..9:0", "whole number from 0 on"), ("visit", "3..9:-1", "whole number from 0 on"),
    ("visit", "3..9:1:1", "whole number"),
    ("visit", "9223372036854775808", "is given"), ("visit", "'9223372036854775808'", "whole number from 0 on"),
    ("visit", "''", "whole number from 0 on"), ("visit", "g", "\"g\" is given"),
    ("visit", "'3,,4'", "\"\" is given"), ("visit", "true", "true is given"),
    ("visit", "{ a: 1 }", "a mapping is given"), ("visit", "", "nothing"),
    ("visit", "[3, [5..4]]", "ends before it begins"), ("visit", "[all, 5..4]", "ends before it begins"),
    ("visit", "'all,x'", "\"x\" is given"), ("band", "../x", "1 to 64 letters"), ("band", "''", "1 to 64 letters"),
    ("band", "[g, .hidden]", "1 to 64 letters"), ("band", "1.5", "1.5 is given"),
  ]) func whatSelectsNothingIsAnError(_ dimension: String, _ text: String, _ reason: String) throws {
    let error = #expect(throws: ConfigError.self) { _ = try selection("{ \(dimension): \(text) }") }
    let description = error?.description ?? ""
    #expect(description.contains(reason), "\(description)")
    #expect(description.contains("select.\(dimension)"), "\(description)")
  }

  @Test func whatIsNoDimensionIsAnErrorWithASuggestion() throws {
    let error = #expect(throws: ConfigError.self) { _ = try selection("{ visist: 3 }") }
    #expect(error?.suggestion == "visit")
    // One cannot select by instrument: a repository has one.
    #expect(throws: ConfigError.self) { _ = try selection("{ instrument: DECam }") }
    #expect(throws: ConfigError.self) { _ = try selection("[visit]") }
  }

  // MARK: - As it is typed

  @Test func theCommandLineSelects() throws {
    let some = try Selection(parsing: "visit=3..9:2  band=g,r detector=all")
    #expect(visits(some) == [3, 5, 7, 9])
    #expect(some.contains(.band, .name("r")) && !some.contains(.band, .name("i")))
    #expect(some.contains(.detector, .number(61)))
    #expect(some.description == "visit=3..9:2 detector=all band=g,r")
  }

  @Test(arguments: [
    ("", "it is empty"), ("   ", "it is empty"), ("visit", "must have the form"), ("=3", "must have the form"),
    ("visit=", "\"\" is given"),
    ("visit=3 visit=4", "it is there twice"), ("vist=3", "did you mean visit?"), ("visit=5..3", "ends before"),
    ("visit==3", "is given"),
    ("visit=3 4", "must have the form"), ("band=g/r", "1 to 64 letters"),
  ]) func whatIsTypedWronglyIsAnError(_ text: String, _ reason: String) {
    let error = #expect(throws: ConfigError.self) { _ = try Selection(parsing: text) }
    let description = error?.description ?? ""
    #expect(description.contains(reason) && description.contains("--select"), "\(description)")
  }

  /// What is shown of a selection selects the same when it is typed.
  @Test func aSelectionIsShownAsItIsTyped() throws {
    let seed: UInt64 = 0xC0FF_EE01
    var random = SeededRandom(seed)
    for _ in 0..<500 {
      let parts = (0..<Int.random(in: 1...4, using: &random)).map { _ -> String in
        let first = Int.random(in: 0...20, using: &random)
        let last = first + Int.random(in: 0...9, using: &random)
        return Bool.random(using: &random) ? "\(first)" : "\(first)..\(last):\(Int.random(in: 1...4, using: &random))"
      }
      let some = try Selection(parsing: "visit=\(parts.joined(separator: ","))")
      let again = try Selection(parsing: some.description)
      #expect(visits(some, upTo: 40) == visits(again, upTo: 40), "seed \(seed): \(some)")
    }
  }
}
