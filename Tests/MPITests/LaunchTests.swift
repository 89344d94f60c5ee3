// SPDX-License-Identifier: GPL-3.0-or-later

import MPI
import Testing

@Suite struct LaunchTests {
  @Test(
    arguments: [
      ([:], Launch.alone),
      (["HOME": "/root", "SLURM_JOB_ID": "17"], .alone),
      (["OMPI_COMM_WORLD_SIZE": "1"], .ranks),
      (["PMIX_RANK": "0"], .ranks), (["PMI_RANK": ""], .ranks), (["PMIX_NAMESPACE": "prterun"], .ranks),
      // Slurm with PMIx sets both.
      (["SLURM_STEP_NUM_TASKS": "8", "PMIX_RANK": "3"], .ranks),
      (["SLURM_STEP_NUM_TASKS": "8"], .tasksWithoutPMIx(count: 8)),
      // One task of Slurm, or none of its words, is a process alone.
      (["SLURM_STEP_NUM_TASKS": "1"], .alone), (["SLURM_STEP_NUM_TASKS": "0"], .alone),
      (["SLURM_STEP_NUM_TASKS": "-4"], .alone),
      (["SLURM_STEP_NUM_TASKS": "many"], .alone), (["SLURM_STEP_NUM_TASKS": ""], .alone),
      // In an allocation, but not in a step.
      (["SLURM_NTASKS": "8"], .alone),
    ] as [([String: String], Launch)]) func howAProcessWasStarted(_ environment: [String: String], _ expected: Launch)
  {
    #expect(Launch(environment: environment) == expected)
  }
}
