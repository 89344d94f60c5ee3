// SPDX-License-Identifier: GPL-3.0-or-later
// How this process was started.

/// How this process was started, by the variables that launchers set.
package enum Launch: Hashable, Sendable {
  /// By hand: this process is all there is.
  case alone
  /// By `mpirun`, or by `srun` with PMIx: there are other ranks.
  case ranks
  /// By `srun` several times over, each without knowledge of the others.
  case tasksWithoutPMIx(count: Int)

  package init(environment: [String: String]) {
    let marks = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMIX_NAMESPACE"]
    if marks.contains(where: { environment[$0] != nil }) {
      self = .ranks
    } else if let text = environment["SLURM_STEP_NUM_TASKS"], let count = Int(text), count > 1 {
      self = .tasksWithoutPMIx(count: count)
    } else {
      self = .alone
    }
  }
}
