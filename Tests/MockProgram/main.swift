// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff with tasks that do as they are told, for tests of everything round the science.
//
//   skydiff-mock make-repository PATH VISITS DETECTORS [records]
//   anything else as skydiff

import CommandLineInterface
import Foundation
import MockTasks

if CommandLine.arguments.count >= 5, CommandLine.arguments[1] == "make-repository",
  let visits = Int(CommandLine.arguments[3]), let detectors = Int(CommandLine.arguments[4])
{
  do {
    try makeMockRepository(
      CommandLine.arguments[2], visits: visits, detectors: detectors,
      hasFiles: !CommandLine.arguments.contains("records"))
    exit(0)
  } catch {
    print(error)
    exit(1)
  }
}
runSkydiff(tasks: mockTasks)
