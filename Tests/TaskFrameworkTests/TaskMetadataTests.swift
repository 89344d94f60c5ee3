// SPDX-License-Identifier: GPL-3.0-or-later

import OrderedCollections
import TaskFramework
import Testing

/// The rules of framework C.3.
@Suite struct TaskMetadataTests {
  @Test func settingAndAdding() throws {
    var metadata = TaskMetadata()
    try metadata.set("test", 42)
    #expect(try metadata.scalar("test") == 42)
    try metadata.add("test", 55)
    #expect(try metadata.array("test") == [42, 55])
    try metadata.add("test", [1, 2])
    #expect(try metadata.array("test") == [42, 55, 1, 2])
    #expect(try metadata["test"] == .scalar(2), "the last element")
    try metadata.add("new", 1)
    #expect(metadata.item(atKey: "new") == .array([1]), "adding makes an array")
    #expect(throws: MetadataError.self, "a value in the middle of a key") { try metadata.set("new.int", 30) }
    try metadata.set("new", .node(TaskMetadata()))
    try metadata.set("new.int", 30)
    #expect(metadata.keys == ["test", "new"])
    #expect(try metadata.integer("new.int") == 30)
  }

  @Test func keysLeadThroughNodes() throws {
    var metadata = TaskMetadata()
    try metadata.set("a.b.c", 5)
    try metadata.set("a.b.d", "text")
    try metadata.set("x", 1.5)
    try metadata.set("list", [true, false])
    #expect(metadata.keys == ["x", "list", "a"] && metadata.count == 3)
    #expect(metadata.names == ["x", "list", "a", "a.b", "a.b.c", "a.b.d"])
    #expect(metadata.paramNames() == ["x", "list", "a.b.c", "a.b.d"])
    #expect(metadata.paramNames(topLevelOnly: true) == ["x", "list"])
    #expect(metadata.contains("a.b.c") && metadata.contains("a.b") && !metadata.contains("a.c"))
    #expect(try metadata.node("a.b").integer("c") == 5)
    try metadata.add("a.b.c", 6)
    #expect(try metadata.array("a.b.c") == [5, 6])
    #expect(throws: MetadataError.missing(key: "q.r")) { try metadata.add("q.r", 1) }
    #expect(throws: MetadataError.self) { try metadata.add("a.b", 1) }
    #expect(throws: MetadataError.missing(key: "a.b.z")) { try metadata.remove("a.b.z") }
    try metadata.remove("a.b.c")
    #expect(metadata.paramNames() == ["x", "list", "a.b.d"])
    try metadata.set("a", 3)
    #expect(metadata.keys == ["x", "a", "list"], "it moved among the scalars")
  }

  @Test func emptyArraysAndDefaults() throws {
    var metadata = TaskMetadata()
    try metadata.set("empty", [MetadataScalar]())
    #expect(throws: MetadataError.missing(key: "empty")) { try metadata["empty"] }
    #expect(try metadata.array("empty") == [])
    #expect(throws: MetadataError.missing(key: "not.there")) { try metadata["not.there"] }
    #expect(metadata.value("not.there", default: .scalar(7)) == .scalar(7))
    #expect(metadata.contains("empty"))
  }

  @Test func kindsDoNotMix() throws {
    var metadata = TaskMetadata()
    try metadata.add("k", 1)
    #expect(throws: MetadataError.mixedKinds(key: "k", first: "int", other: "text")) { try metadata.add("k", "one") }
    #expect(throws: MetadataError.mixedKinds(key: "k", first: "int", other: "float")) { try metadata.add("k", 1.0) }
    #expect(throws: MetadataError.mixedKinds(key: "k", first: "int", other: "bool")) { try metadata.add("k", true) }
    #expect(throws: MetadataError.self) { try metadata.set("m", [1, "one"]) }
    #expect(throws: MetadataError.self) { try metadata.add("k", [2, "three"]) }
    #expect(try metadata.array("k") == [1], "nothing of a list that does not fit is added")
    #expect(throws: MetadataError.wrongKind(key: "k", found: "int", expected: "float")) { try metadata.double("k") }
    #expect(try metadata.number("k") == 1)
    for key in ["", ".", "a.", ".a", "a..b"] {
      #expect(throws: MetadataError.self, "\(key)") { try metadata.set(key, 1) }
    }
  }

  @Test func jsonKeepsKindsAndNaN() throws {
    var metadata = TaskMetadata()
    try metadata.set("one", 1)
    try metadata.set("oneAsFloat", 1.0)
    try metadata.set("nan", .float(.nan))
    try metadata.set("limits", [.float(-.infinity), .float(0.1)])
    try metadata.set("text", "quote \" back \\ line \n ü \u{1}")
    try metadata.put("top:sub", .node(metadata))
    let text = metadata.json.text()
    #expect(text.contains(#""one":1,"oneAsFloat":1.0,"nan":NaN"#))
    #expect(try TaskMetadata(json: JSONValue(parsing: text)) == metadata)
    #expect(try TaskMetadata(json: JSONValue(parsing: metadata.json.text(isPretty: true))) == metadata)
    // A writer that has no NaN writes null, and whole numbers without a point.
    let foreign = #"{"scalars":{"x":null},"arrays":{"y":[1,2.5]}}"#
    let read = try TaskMetadata(json: JSONValue(parsing: foreign))
    #expect(try read.double("x").isNaN && read.array("y") == [1.0, 2.5])
    for bad in [#"[]"#, #"{"scalars":{"x":[]}}"#, #"{"arrays":{"x":1}}"#, #"{"other":{}}"#, #"{"metadata":{"x":3}}"#] {
      #expect(throws: MetadataError.self, "\(bad)") { try TaskMetadata(json: JSONValue(parsing: bad)) }
    }
  }

  @Test func jsonErrorsSayWhere() throws {
    func message(_ text: String) -> String {
      do {
        _ = try JSONValue(parsing: text)
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(message("{\n \"a\": 1,\n \"a\": 2}") == "line 3, column 2: \"a\" is there twice")
    #expect(message("[1, 2") == "line 1, column 6: expected , or ]")
    #expect(message("[1] x").contains("more text behind the value"))
    #expect(message("").contains("the text ends"))
    #expect(message("\"abc").contains("without end"))
    #expect(message("[1e]").contains("is no number"))
    #expect(message(String(repeating: "[", count: 100_000)).contains("nested more than 200 deep"))
    #expect(try JSONValue(parsing: #""\u00e9\ud83d\ude00\/""#) == .string("é😀/"))
    #expect(
      try JSONValue(parsing: "[-0.5e3, 9223372036854775807, 9223372036854775808]")
        == .array([.number(-500), .integer(.max), .number(9223372036854775808)]))
  }
}
