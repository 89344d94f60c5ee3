// SPDX-License-Identifier: GPL-3.0-or-later
// The tasks that pipelines are made of.

internal import BackgroundMatching
internal import Coaddition
internal import DifferenceDetection
internal import ForcedPhotometry
internal import ImageDifferencing
internal import SolarSystem
package import TaskFramework

/// The tasks that the pipeline of a job may name, in the order in which data pass through them.
package let pipelineTasks: [any PipelineTask.Type] = [
  MakeWarpTask.self, BinWarpsTask.self, MatchBackgroundsTask.self, AssembleCoaddTask.self,
  GetTemplateTask.self, AlardLuptonSubtractTask.self,
  DetectAndMeasureTask.self, DetectAndMeasureScoreTask.self,
  SsSingleFrameAssociationTask.self, ReconcileSolarSystemTask.self,
  DetectCoaddSourcesTask.self, MergeDetectionsTask.self, MeasureMergedCoaddSourcesTask.self,
  MergeMeasurementsTask.self, ForcedPhotCoaddTask.self,
]
