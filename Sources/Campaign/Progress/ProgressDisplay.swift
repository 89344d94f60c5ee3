// SPDX-License-Identifier: GPL-3.0-or-later
// Telling people how far a run is.

internal import Foundation
internal import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// How progress is shown.
package enum ProgressStyle: String, CaseIterable, Sendable {
  /// A bar on a terminal, lines elsewhere.
  case auto
  case bar
  case log
  case json
  case none
}

/// Tells people, on stderr, how far a run is: a line that changes on a terminal, else a line now and then; never carriage returns
/// in a file, never silent for more than five minutes.
package struct ProgressDisplay {
  private let style: ProgressStyle
  private var lastTime = -1.0
  private var nextStep = 0
  private var lastEnded = -1
  private var barIsShown = false
  private static let steps = [1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]

  package init(_ style: ProgressStyle) {
    self.style = style == .auto ? (isatty(2) == 1 ? .bar : .log) : style
  }

  package mutating func show(_ state: ProgressState, isLast: Bool = false) {
    switch style {
    case .bar:
      guard isLast || state.seconds - lastTime >= 0.2 else { return }
      lastTime = state.seconds
      Self.write("\r\u{1B}[K" + Self.bar(state) + (isLast ? "\n" : ""))
      barIsShown = !isLast
    case .log: if isDue(state, isLast) { Self.write("skydiff run: \(state.text)\n") }
    case .json: if isDue(state, isLast) { Self.write(state.json(state: isLast ? "ended" : "running").text() + "\n") }
    case .auto, .none: break
    }
  }

  /// A line for people, above the bar.
  package mutating func say(_ text: String) {
    Self.write((barIsShown ? "\r\u{1B}[K" : "") + "skydiff run: \(Self.clean(text))\n")
    barIsShown = false
  }

  /// What a file says must not move the cursor of a terminal.
  private static func clean(_ text: String) -> String {
    String(
      text.unicodeScalars.prefix(4000).map { $0.value < 32 || (127..<160).contains($0.value) ? " " : Character($0) })
  }

  private mutating func isDue(_ state: ProgressState, _ isLast: Bool) -> Bool {
    if isLast { return state.total > 0 && state.ended != lastEnded }
    guard state.total > 0 else { return false }
    let percent = state.ended * 100 / state.total
    var isStep = false
    while nextStep < Self.steps.count, percent >= Self.steps[nextStep] {
      nextStep += 1
      isStep = true
    }
    // A step a second is enough for anyone.
    guard isStep && state.seconds - lastTime >= 1 || state.seconds - max(0, lastTime) >= 300 else { return false }
    lastTime = state.seconds
    lastEnded = state.ended
    return true
  }

  private static func bar(_ state: ProgressState) -> String {
    let width = 24
    let filled = state.total > 0 ? min(width, state.ended * width / state.total) : 0
    let line =
      "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "] " + state.text
    return String(line.prefix(terminalWidth - 1))
  }

  private static var terminalWidth: Int {
    var size = winsize()
    return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 100
  }

  /// One call a line, so that lines of several processes do not mix; nobody has to read them.
  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
  }
}
