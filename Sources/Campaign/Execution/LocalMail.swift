// SPDX-License-Identifier: GPL-3.0-or-later
// What the two halves of rank 0 say to one another.

internal import Scheduling

/// What the two halves of rank 0 say to one another; no bytes have to travel.
final class LocalMail {
  private var toWorker: [Message] = []
  private var toCoordinator: [Message] = []
  private var isGarbled = false
  private let faults: FaultInjection

  init(_ faults: FaultInjection) { self.faults = faults }

  func sendToWorker(_ message: Message) { toWorker.append(message) }

  /// - Parameter unit: what the message is about.
  func sendToCoordinator(_ message: Message, about unit: String) {
    if case .result = message, faults.pass(.result, about: unit) == .garbage {
      isGarbled = true
    } else {
      toCoordinator.append(message)
    }
  }

  /// Delivers until nothing is left to deliver.
  ///
  /// - Returns: whether there was anything.
  func deliver(to coordinator: CoordinatorSide, _ worker: WorkerSide, at now: Double) -> Bool {
    var wasBusy = false
    while !toWorker.isEmpty || !toCoordinator.isEmpty || isGarbled {
      wasBusy = true
      if isGarbled { coordinator.lose(0, "it sent what is no message", now) }
      isGarbled = false
      let messages = (toCoordinator, toWorker)
      (toCoordinator, toWorker) = ([], [])
      for message in messages.0 { coordinator.take(message, from: 0, at: now) }
      for message in messages.1 { worker.take(message, at: now) }
    }
    return wasBusy
  }
}
