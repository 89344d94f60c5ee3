// SPDX-License-Identifier: GPL-3.0-or-later
// What a quantum may use.

internal import Foundation
internal import MPI
internal import TaskFramework

extension QuantumResources {
  /// What a quantum may use on this rank: its part of the machine, or what the job allows.
  init(_ execution: ExecutionConfig, _ world: MPIWorld?) {
    let ranks = world?.ranksOnNode ?? 1
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let memory = execution.memoryPerRank?.bytes ?? Int(clamping: ProcessInfo.processInfo.physicalMemory) / ranks
    self.init(threadCount: max(1, cores / ranks), memory: memory)
  }
}
