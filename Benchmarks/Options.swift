// SPDX-License-Identifier: GPL-3.0-or-later
// What the benchmark program is asked to do.

import Foundation

/// What the benchmark program is asked to do.
struct Options {
  var sides: [Int] = []
  var names = Self.allNames
  var runsPeers = true
  var runsCampaigns = false
  var jsonFile: String?

  private static let allNames =
    ImagingStages.names + FileStages.names + CoaddStages.names + KernelStage.names
    + SubtractionStages.names + CharacterisationStage.names + DetectionStages.names
    + ForcedStages.names + AssociationStages.names

  static let usage = """
    usage: skydiff-benchmarks [--quick] [--side N]… [--only WORDS] [--no-peers] [--json FILE] [--campaigns]

      --quick       1024² (without any side: 1024², 2048² and 4096²)
      --side N      side of the image in pixels, 256 to 8192; may be given several times
      --only WORDS  only operations whose name contains all of these words
      --no-peers    do not run other programs
      --json FILE   write the results there as well
      --campaigns   instead: what it costs to run anything at all
      --help, -h    print this
    """

  /// Reads the command line; ends the program with 64 or 73 and one line when it makes no sense.
  init(_ arguments: [String]) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      func value() -> String {
        guard let value = rest.popFirst(), !value.hasPrefix("--") else { fail("\(option) needs a value", 64) }
        return value
      }
      switch option {
      case "--quick": sides.append(1024)
      case "--side":
        let text = value()
        guard let side = Int(text), (256...8192).contains(side) else {
          fail("--side \(text): it must be a whole number from 256 to 8192", 64)
        }
        sides.append(side)
      case "--only":
        let words = value()
        names = Self.allNames.filter { name in
          words.split(separator: " ").allSatisfy { name.localizedCaseInsensitiveContains($0) }
        }
        guard !names.isEmpty else {
          fail(
            "no operation is named \"\(words)\"; there are: \(Self.allNames.joined(separator: "; "))",
            64)
        }
      case "--no-peers": runsPeers = false
      case "--campaigns": runsCampaigns = true
      case "--json":
        let file = value()
        Self.checkWritable(file)
        jsonFile = file
      case "--help", "-h":
        print(Self.usage)
        exit(0)
      default: fail("unknown option \(option)\n\(Self.usage)", 64)
      }
    }
    sides = sides.isEmpty ? [1024, 2048, 4096] : Array(Set(sides)).sorted()
  }

  /// Measuring takes minutes: a file that cannot be written should be said before.
  private static func checkWritable(_ file: String) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), isFolder.boolValue {
      fail("--json \(file): it is a folder", 73)
    }
    let folder = URL(filePath: file).deletingLastPathComponent().path
    guard !file.isEmpty, FileManager.default.isWritableFile(atPath: folder) else {
      fail("--json \(file): the folder \(folder) does not exist or cannot be written", 73)
    }
  }
}

/// Prints one line to the error stream and ends the program.
func fail(_ message: String, _ code: Int32) -> Never {
  note(message)
  exit(code)
}

/// Prints one line to the error stream.
func note(_ message: String) { FileHandle.standardError.write(Data("skydiff-benchmarks: \(message)\n".utf8)) }
