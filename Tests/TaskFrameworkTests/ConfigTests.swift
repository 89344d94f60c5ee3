// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

@Suite struct ConfigTests {
  /// The message of applying YAML to the sample task.
  private func message(_ yaml: String) -> String {
    do {
      var config = LoadedConfig("addMult", AddMultConfig())
      try config.apply(try YAMLText.parse(yaml), from: .file("f.yaml", line: nil))
      try config.freeze()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func everythingCanBeSet() throws {
    var config = LoadedConfig("addMult", AddMultConfig())
    try config.apply(
      try YAMLText.parse(
        """
        add: { addend: 4 }
        mult.multiplicand: 0.5
        kernel:
          DF.multiplicand: 9
          name: DF
        plugins: { names: [DF] }
        mode: convolveScience
        order: 10
        name: "null"
        sizes: [3, 4, 5]
        weights: { a: 1, b: 2.5 }
        isFast: false
        """), from: .file("f.yaml", line: nil))
    try config.freeze()
    let result = try #require(config.config as? AddMultConfig)
    #expect((result.add.value as? AddConfig)?.addend == 4)
    #expect((result.mult.value as? MultConfig)?.multiplicand == 0.5)
    #expect(result.kernel.name == "DF" && (result.kernel.active as? MultConfig)?.multiplicand == 9)
    #expect(result.plugins.names == ["DF"])
    #expect(result.mode == .convolveScience && result.order == 10 && result.name == "null")
    #expect(result.sizes == [3, 4, 5] && result.weights == ["a": 1, "b": 2.5])
  }

  @Test func whatIsWrittenReadsBack() throws {
    var config = LoadedConfig("addMult", AddMultConfig())
    try config.apply(
      try YAMLText.parse("{add: {target: AddTwiceTask, addend: 1e-7}, name: \"a: #b\", weights: {x y: .inf}}"),
      from: .code("test"))
    let text = config.yaml
    guard case .mapping(let entries) = try YAMLText.parse(text) else {
      Issue.record("no mapping")
      return
    }
    #expect(entries.map(\.key) == ["addMult"])
    var again = LoadedConfig("addMult", AddMultConfig())
    try again.apply(entries[0].value, from: .code("test"))
    #expect(again.config.digest == config.config.digest)
    #expect(config.config.digest != AddMultConfig().digest && AddMultConfig().digest == AddMultConfig().digest)
    #expect((again.config as? AddMultConfig)?.add.target == AddTwiceTask.self)
    #expect(text.contains("# order (int, from 0 to 10)\n  order: 2\n"))
    #expect(text.contains("addend: 1e-07  # from test"))
    #expect(AddMultConfig().names.prefix(4) == ["add.target", "add.addend", "mult.multiplicand", "kernel.name"])
  }

  @Test func errorsNameFileLineFieldAndWhatIsAllowed() {
    #expect(
      message("order: 2\nmod: auto")
        == "f.yaml:2: addMult.mod: there is no such field; the fields are add, mult, kernel, plugins, mode, order, name, sizes, weights, isFast; did you mean mode?"
    )
    #expect(message("\n\norder: 11") == "f.yaml:3: addMult.order: 11 is given; it must be int, from 0 to 10")
    #expect(message("order: 2.0") == "f.yaml:1: addMult.order: 2.0 is given; it must be int, from 0 to 10")
    #expect(message("order: true").contains("true is given; it must be int"))
    #expect(message("isFast: 1").contains("1 is given; it must be bool"))
    #expect(message("order:").contains("nothing is given"))
    #expect(
      message("mode: Auto")
        == "f.yaml:1: addMult.mode: \"Auto\" is given; it must be one of auto, convolveTemplate, convolveScience; did you mean auto?"
    )
    #expect(
      message("add:\n  addend: .nan").contains(
        "f.yaml:2: addMult.add.addend: nan is given; it must be float, from -1000.0 to 1000.0"))
    #expect(
      message("add:\n  target: AddTwicTask").contains(
        "addMult.add.target: \"AddTwicTask\" is given; it must be one of AddTask, AddTwiceTask; did you mean AddTwiceTask?"
      ))
    #expect(
      message("mult: { target: AddTask }").contains(
        "addMult.mult.target: \"AddTask\" is given; it must be one of MultTask"))
    #expect(
      message("kernel: LA").contains("addMult.kernel.name: \"LA\" is given; it must be one of AL, DF; did you mean AL?")
    )
    #expect(message("kernel: { ALL: { addend: 1 } }").contains("addMult.kernel.ALL: there is no such alternative"))
    #expect(message("plugins: { names: [AL, AL] }").contains("AL is named twice"))
    #expect(
      message("sizes: [1, 0]").contains("a list of 2 is given; it must be list of int, 1 to 3 items, each above 0"))
    #expect(message("sizes: []").contains("1 to 3 items"))
    #expect(message("weights: { a: b }").contains("mapping of text to float"))
    #expect(message("order.sub: 1").contains("addMult.order.sub: order is int and has no fields"))
    #expect(message("add: 3").contains("3 is given for a whole configuration; its fields are addend"))
    #expect(message("- 1").contains("it must be a mapping of fields to values"))
    // What only the whole configuration can judge is blamed on the line that set it.
    #expect(message("isFast: true\norder: 7") == "f.yaml:2: addMult.order: 7 is too slow for isFast; at most 5")
  }

  @Test func brokenYAML() {
    #expect(message("a: [1, 2").contains("not YAML"))
    #expect(message("order: 1\norder: 2").contains("order is there twice in one mapping"))
    #expect(message("order: 1\n\tmode: auto").contains("line 2: a tab indents this line"))
    #expect(message("a: &x [1]\nb: *x").contains("line 1: anchors and aliases"))
    #expect(message("a: 1\n--- \nb: 2").contains("not YAML"))
    #expect(message("? [a]\n: 1").contains("a key must be plain text"))
    #expect(
      message("mode: 'auto' # a comment with *stars & more\nname: \"*quoted &text\"\nsizes: [1] # *x") == "no error")
    #expect(message("name: a *b &c") == "no error")
    #expect(message("") == "no error")
    #expect(message("# only a comment") == "no error")
  }

  /// Each level of an alias bomb has ten of the one before: 10⁹ nodes in 300 bytes.
  @Test func bombsAndHugeTextsAreRefusedAtOnce() {
    var bomb = "a0: &a0 [x, x]\n"
    for i in 1..<10 {
      bomb += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ", ") + "]\n"
    }
    let start = ContinuousClock.now
    #expect(message(bomb).contains("line 1: anchors and aliases"))
    #expect(message("order: !!int !" + String(repeating: "a!", count: 200_000)).contains("line 1"))
    #expect(message("x: !!seq &a [1]\ny: *a").contains("anchors and aliases"))
    #expect(message("order: " + String(repeating: "1", count: 10 << 20)).contains("at most 524288 are read"))
    #expect(message(String(repeating: "[", count: 500_000)).contains("not YAML"))
    #expect(message(String(repeating: "- ", count: 200_000)).contains("YAML"))
    #expect(
      message((0..<900).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")).contains(
        "nested more than 64 deep"))
    #expect(message("a: 99999999999999999999").contains("no such field"))
    #expect(message("order: 99999999999999999999").contains("1e+20 is given"))
    #expect(ContinuousClock.now - start < .seconds(2))
  }

  @Test func originsAndPrecedence() throws {
    var configs = ConfigSet([("addMult", AddMultConfig())])
    let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-config-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "f.yaml").path
    try "# settings\naddMult:\n  order: 4\n  add.addend: 2\n".write(toFile: file, atomically: true, encoding: .utf8)
    try configs.apply(
      .mapping([.init("addMult", .mapping([.init("order", .integer(3)), .init("mode", .string("auto"))]))]),
      from: .instrument(file: "repository.yaml", line: 7))
    try configs.apply(file: file)
    try configs.apply(argument: "addMult:order=5")
    try configs.apply(argument: "addMult:sizes=[7, 8]")
    try configs.apply(argument: "addMult:weights={a: 1}")
    try configs.freeze()
    let loaded = try #require(configs["addMult"])
    #expect((loaded.config as? AddMultConfig)?.order == 5)
    #expect((loaded.config as? AddMultConfig)?.weights == ["a": 1])
    #expect(
      loaded.formattedHistory(of: "order") == [
        "order = 3  # instrument, repository.yaml:7", "order = 4  # \(file):3",
        "order = 5  # command line, -c addMult:order=5",
      ])
    #expect(loaded.origins["add.addend"]?.description == "\(file):4")
    #expect(loaded.origins["isFast"] == nil)
    #expect(loaded.yaml.contains("order: 5  # from command line, -c addMult:order=5"))
    #expect(throws: ConfigError.self) { try configs.apply(argument: "addMult:order=1") }
  }

  @Test func argumentsAndFilesThatAreNone() {
    func message(_ argument: String) -> String {
      var configs = ConfigSet([("addMult", AddMultConfig())])
      do {
        try configs.apply(argument: argument)
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    for text in ["", "x", "addMult", "addMult:order", "addMult=3", ":order=3", "addMult:=3", "=:"] {
      #expect(message(text).contains("it must have the form task:field=value"), "\(text)")
    }
    #expect(message("addMlt:order=3").contains("there is no such task; the tasks are addMult; did you mean addMult?"))
    #expect(message("addMult:name=a=b:c") == "no error")
    #expect(message("addMult:name=") == "no error")
    func fileMessage(_ path: String) -> String {
      var configs = ConfigSet([("addMult", AddMultConfig())])
      do {
        try configs.apply(file: path)
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(fileMessage("/nowhere.yaml") == "/nowhere.yaml: there is no such file")
    #expect(fileMessage("/tmp") == "/tmp: it is a directory, not a file")
    #expect(fileMessage("/dev/zero").contains("has more than"))
  }

  @Test func choosingATargetForgetsWhatWasSetBefore() throws {
    var config = LoadedConfig("addMult", AddMultConfig())
    try config.set("add.addend", to: .number(9), from: .commandLine("1"))
    try config.set("add.target", to: .string("AddTwiceTask"), from: .commandLine("2"))
    #expect(((config.config as? AddMultConfig)?.add.value as? AddConfig)?.addend == 3.1)
    #expect(config.origins["add.addend"] == nil)
    // In a mapping the target comes first wherever it stands.
    try config.apply(try YAMLText.parse("add: { addend: 8, target: AddTask }"), from: .commandLine("3"))
    #expect(((config.config as? AddMultConfig)?.add.value as? AddConfig)?.addend == 8)
    // Naming what is there already changes nothing.
    try config.set("add.target", to: .string("AddTask"), from: .commandLine("4"))
    #expect(((config.config as? AddMultConfig)?.add.value as? AddConfig)?.addend == 8)
  }

  @Test func thereIsAWayBackToTheFirstTarget() throws {
    var field = AddTask.makeField("task", alternatives: [AddTwiceTask.self])
    #expect(field.alternatives.map { $0.typeName } == ["AddTask", "AddTwiceTask"])
    field.retarget(AddTwiceTask.self)
    var config = AddMultConfig()
    config.add = field
    try config.set("add.target", to: .string("AddTask"))
    let target = config.add.target
    #expect(target.typeName == "AddTask")
  }

  @Test func comparingAllowsForRounding() throws {
    var (a, b) = (AddMultConfig(), AddMultConfig())
    #expect(a.differences(from: b).isEmpty)
    try b.set("add.addend", to: .number(3.1 * (1 + 1e-9)))
    #expect(a.differences(from: b).isEmpty)
    try b.set("add.addend", to: .number(3.2))
    try a.set("mode", to: .string("convolveScience"))
    let found = a.differences(from: b).map { "\($0.path): \($0.own), \($0.other)" }
    #expect(found == ["add.addend: 3.1, 3.2", "mode: convolveScience, auto"])
    try b.set("add.target", to: .string("AddTwiceTask"))
    #expect(a.differences(from: b).map(\.path) == ["add.target", "mode"])
  }

  @Test func onlySelectedAlternativesHaveToBeRight() throws {
    var config = AddMultConfig()
    try config.kernel.update("AL", AddConfig.self) { $0.addend = 1e6 }
    #expect(throws: ConfigProblem.self) { try config.validateAll() }
    try config.kernel.select(["DF"])
    try config.validateAll()
  }

  /// A configuration whose parts' fields stand among its own.
  private struct FlatConfig: Config {
    var own = 1
    var add = AddConfig()
    var rest = AddMultConfig()

    static let fields: [ConfigField<Self>] =
      [.field("own", \.own, doc: "of its own")] + ConfigField.lifted(\.add) + ConfigField.lifted(\.rest)

    func validate() throws(ConfigProblem) { try rest.validate() }
  }

  @Test func fieldsOfAPartStandAmongItsOwn() throws {
    var config = FlatConfig()
    #expect(config.names.prefix(4) == ["own", "addend", "add.target", "add.addend"])
    try config.set("addend", to: .number(8))
    try config.set("order", to: .integer(7))
    try config.set("kernel.DF.multiplicand", to: .number(4))
    #expect(config.add.addend == 8 && config.rest.order == 7)
    #expect((config.rest.kernel["DF"] as? MultConfig)?.multiplicand == 4)
    try config.validateAll()
    #expect(FlatConfig.fields.filter { $0.name == "addend" }.map(\.doc) == ["amount to add"])
    // What is wrong is named by the flat path, also what only the part as a whole can tell.
    #expect(throws: ConfigProblem(path: "add", reason: "3 is given for a whole configuration; its fields are addend")) {
      try config.set("add", to: .integer(3))
    }
    config.add.addend = 1e6
    do throws(ConfigProblem) {
      try config.validateAll()
      Issue.record("1e6 is beyond the field's range")
    } catch {
      #expect(error.path == "addend")
    }
    config.add.addend = 0
    config.rest.isFast = true
    do throws(ConfigProblem) {
      try config.validateAll()
      Issue.record("order 7 is too slow")
    } catch {
      #expect(error.path == "order")
    }
    #expect(config.digest != FlatConfig().digest)
  }
}
