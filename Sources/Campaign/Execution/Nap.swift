// SPDX-License-Identifier: GPL-3.0-or-later
// How often a rank looks for messages.

/// How long the main thread naps: a blocked receive would burn a core, so it looks for messages now and then.
struct Nap {
  private let isAlone: Bool
  private var seconds = 0.0002

  init(isAlone: Bool) { self.isAlone = isAlone }

  mutating func rest(_ waker: Waker, isBusy: Bool) {
    // The longer nothing happens, the longer nothing may be going to happen.
    seconds = isBusy ? 0.0002 : min(0.004, seconds * 1.3)
    waker.nap(isAlone ? 0.05 : seconds)
  }
}
