// SPDX-License-Identifier: GPL-3.0-or-later

import BackgroundMatching
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// `run` on lists of exposures in memory.
@Suite struct ListTests {
  private let small = Box2I(width: 120, height: 100)

  private func exposures(_ count: Int = 3) throws -> [MemoryExposure] {
    try (0..<count).map { i in
      MemoryExposure(
        visit: Int64(i),
        try sky(10 + Double(i), seed: 40 + UInt64(i), box: small, shape: { x, _ in Double(i) * 0.01 * x }))
    }
  }

  private func task() throws -> MatchBackgroundsTask { try makeTask { $0.binSize = 20 } }

  private func category(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return categoryName(of: error) }
  }

  @Test func everyExposureGetsTheReferencesBackground() throws {
    let list = try exposures()
    var received: [Int: Exposure] = [:]
    let task = try task()
    let result = try task.run(list, expDatasetType: "warp", refExpDataRef: list[1]) { index, exposure, _ in
      received[index] = exposure
    }
    #expect(result.backgroundInfoList.map(\.isReference) == [false, true, false])
    let reference = result.backgroundInfoList[1]
    #expect(
      reference.backgroundModel == nil && reference.fitRMS == nil && reference.matchedMSE == nil
        && reference.diffImVar == nil && reference.failure == nil)
    #expect(received[1]?.maskedImage == list[1].exposure?.maskedImage)
    for i in [0, 2] {
      var alone = try #require(list[i].exposure)
      let match = try self.task().matchBackgrounds(
        refExposure: try #require(list[1].exposure), sciExposure: &alone)
      #expect(result.backgroundInfoList[i].match == match)
      #expect(received[i]?.maskedImage == alone.maskedImage)
    }
    #expect(list.map(\.loads) == [1, 1, 1], "each is loaded once")
    #expect(try task.metadata.integer("nExposures") == 3)
    #expect(try task.metadata.integer("nFailed") == 0)
    for name in ["fitRMS", "mseVarianceRatio"] { #expect(try task.metadata.array(name).count == 2) }
    for timer in ["run", "matchBackgrounds"] { #expect(duration(of: timer, in: task.timing) != nil) }
  }

  @Test func theReferenceMayBeThereTwice() throws {
    let list = try exposures()
    let result = try task().run(list + [list[0]], expDatasetType: "warp", refExpDataRef: list[0])
    #expect(result.backgroundInfoList.map(\.isReference) == [true, false, false, true])
  }

  @Test func withoutAReferenceTheBestIsChosen() throws {
    let list = try exposures()
    let chooser = try task()
    let best = try chooser.selectRefExposure(list, imageScalerList: [nil, nil, nil], expDatasetType: "warp")
    let task = try task()
    let result = try task.run(list, expDatasetType: "warp")
    #expect(result.backgroundInfoList.firstIndex(where: \.isReference) == best)
    #expect(try task.metadata.integer("refIndex") == Int64(best))
    #expect(duration(of: "selectRefExposure", in: task.timing) != nil)
  }

  @Test func whatIsWrongWithTheWhole() throws {
    let list = try exposures()
    func failing(
      _ list: [MemoryExposure], type: String = "warp", scalers: [(any ExposureScaler)?]? = nil,
      reference: MemoryExposure? = nil
    ) throws -> String? {
      let task = try task()
      return category {
        _ = try task.run(list, expDatasetType: type, imageScalerList: scalers, refExpDataRef: reference)
      }
    }
    #expect(try failing([]) == "TaskError")
    #expect(try failing(list, type: "") == "TaskError")
    #expect(try failing(list, scalers: [nil]) == "RuntimeError")
    #expect(try failing(list, reference: MemoryExposure(visit: 99, list[0].exposure)) == "ValueError")
    let stranger = MemoryExposure(visit: 0, list[0].exposure)
    stranger.dataID = ["tract": .number(0)]
    #expect(try failing(list, reference: stranger) == "KeyError")
    for each in list { #expect(each.loads == 0, "nothing of this needs pixels") }

    let missing = MemoryExposure(visit: 7, nil)
    #expect(try failing(list + [missing], reference: list[0]) == "RuntimeError")
    #expect(try failing(list, type: "calexp") == "RuntimeError")
    for each in list { #expect(each.loads == 0) }
    let broken = MemoryExposure(visit: 8, nil)
    broken.isReadable = false
    #expect(try failing(list + [broken], reference: broken) == "Unreadable")
  }

  @Test func oneFailureLeavesTheOthersAlone() throws {
    let list = try exposures()
    let expected = try task().run(list, expDatasetType: "warp", refExpDataRef: list[0]).backgroundInfoList

    let broken = MemoryExposure(visit: 8, nil)
    broken.isReadable = false
    let otherSize = MemoryExposure(visit: 9, try sky(0, seed: 50, box: Box2I(width: 50, height: 50)))
    let dark = MemoryExposure(visit: 10, try sky(0, seed: 51, box: small, hasData: { _, _ in false }))
    let unscalable = MemoryExposure(visit: 11, list[1].exposure)
    let all = [broken, list[0], otherSize, list[1], dark, unscalable, list[2]]
    let task = try task()
    let scalers: [(any ExposureScaler)?] = [nil, nil, nil, nil, nil, ImageScaler(scale: -1), nil]
    var received: [Int] = []
    let infos = try task.run(all, expDatasetType: "warp", imageScalerList: scalers, refExpDataRef: list[0]) {
      index, _, _ in received.append(index)
    }.backgroundInfoList
    #expect([infos[1], infos[3], infos[6]] == expected)
    #expect(received == [1, 3, 6])
    for (i, category) in [(0, "Unreadable"), (2, "RuntimeError"), (4, "ValueError"), (5, "ValueError")] {
      #expect(infos[i].failure?.category == category && !infos[i].isReference, "\(i)")
      #expect(infos[i].backgroundModel == nil && infos[i].fitRMS == nil && infos[i].matchedMSE == nil)
    }
    #expect(task.warnings.count == 4)
    #expect(task.warnings.first == "Failed to fit background visit 8: the disk is on fire")
    #expect(try task.metadata.integer("nFailed") == 4)
  }

  @Test func whoReceivesMayEndTheRun() throws {
    struct Enough: Error {}
    let list = try exposures()
    let task = try task()
    #expect(throws: Enough.self) {
      try task.run(list, expDatasetType: "warp", refExpDataRef: list[0]) { index, _, _ in
        if index == 1 { throw Enough() }
      }
    }
    #expect(list[2].loads == 0)
  }

  @Test func scalersComeBeforeTheComparison() throws {
    let list = try exposures(2)
    var bright = try #require(list[1].exposure)
    try ImageScaler(scale: 4).scale(&bright)
    let scaled = MemoryExposure(visit: 1, bright)
    let plain = try task().run(list, expDatasetType: "warp", refExpDataRef: list[0]).backgroundInfoList[1]
    let same = try task().run(
      [list[0], scaled], expDatasetType: "warp", imageScalerList: [nil, ImageScaler(scale: 0.25)],
      refExpDataRef: list[0]
    ).backgroundInfoList[1]
    #expect(same == plain, "powers of two are exact")
    // The given reference has a scaler of its own.
    let doubled = try task().run(
      list, expDatasetType: "warp", imageScalerList: [nil, nil], refExpDataRef: list[0],
      refImageScaler: ImageScaler(scale: 2)
    ).backgroundInfoList[1]
    let offset = try #require(doubled.backgroundModel).image().sum - (try #require(plain.backgroundModel).image().sum)
    #expect(abs(offset / Double(small.area) - 10) < 0.1)
  }
}
