// SPDX-License-Identifier: GPL-3.0-or-later
// What is called a dipole, and what spoiled pixels do.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Which sources are called dipoles.
struct DipoleClassificationTests {
  @Test func movedStarsAreDipoles() throws {
    var (candidates, dipoles) = (0, 0)
    for separation in [0.3, 0.6, 1, 2, 3, 4.5, 6] {
      for sn in [10.0, 20, 50, 100, 200] {
        let found = try MovedStars(49, separation: separation, sn: sn, seed: 3).classified()
        candidates += found.candidates
        dipoles += found.dipoles
      }
    }
    // Others are too faint, or too close for their brightness, to be seen with both signs.
    #expect(candidates > 1000)
    #expect(Double(dipoles) >= 0.95 * Double(candidates), "\(dipoles) of \(candidates)")
  }

  /// New sources, alone and beside stars of which a subtraction leaves something.
  ///
  /// What is left: a shift of 0.05 px and a PSF that is 1 % too wide.
  @Test func newSourcesAreNot() throws {
    var (count, candidates, dipoles) = (0, 0, 0)
    for starSN in [0.0, 50, 200, 500] {
      for distance in [0.0, 2, 4, 6] {
        for sn in [10.0, 30, 100, 200] {
          let found = try MovedStars(49, separation: 0.05, sn: starSN, seed: 4, templateSigma: 2.02) { center, random in
            let angle = random.uniform(0...(2 * .pi))
            let there = center + Point2D(x: cos(angle), y: sin(angle)) * distance
            let isNew = random.uniform() < 0.5
            let flux = MovedStars.flux(sn)
            return [
              .init(science: there, template: there, scienceFlux: isNew ? flux : 0, templateFlux: isNew ? 0 : flux)
            ]
          }.classified()
          count += 49
          candidates += found.candidates
          dipoles += found.dipoles
        }
      }
    }
    #expect(candidates > 50)
    #expect(Double(dipoles) <= 0.02 * Double(count), "\(dipoles) of \(count)")
  }
}

/// Nothing that pixels, masks or footprints hold stops the program.
struct DipoleRobustnessTests {
  private let box = Box2I(minX: -20, minY: 10, width: 60, height: 60)

  private func scene() throws -> DipoleScene {
    let star = DipoleScene.Star(
      science: Point2D(x: 9, y: 40), template: Point2D(x: 12, y: 41), scienceFlux: 4000, templateFlux: 4000)
    return try DipoleScene(box, [star], noise: (2, 2), seed: 8)
  }

  private func footprint(_ spans: SpanSet, peaks: [Peak]? = nil) -> Footprint {
    Footprint(
      spans,
      peaks: peaks ?? [makePeak(at: Point2I(x: 9, y: 40), value: 9), makePeak(at: Point2I(x: 13, y: 41), value: -9)],
      region: box)
  }

  private func measured(
    _ footprint: Footprint, _ scene: DipoleScene, _ config: DipoleFitConfig = .init()
  ) throws -> DipoleCatalog {
    var catalog = try DipoleCatalog([footprint], config)
    catalog.measure(scene.difference, scene.science, scene.template)
    return catalog
  }

  @Test func footprintsOfAllForms() throws {
    let scene = try scene()
    let square = SpanSet(Box2I(minX: 0, minY: 30, width: 22, height: 21))
    let many = (0..<5000).map { makePeak(at: Point2I(x: $0 % 22, y: 30 + $0 % 21), value: $0 % 2 == 0 ? 3 : -3) }
    let far = [
      makePeak(at: Point2I(x: 1 << 29, y: -(1 << 29)), value: 3), makePeak(at: Point2I(x: 5, y: 32), value: -3),
    ]
    var odd = far
    odd[0].position = Point2D(x: .nan, y: .infinity)
    let regions = [
      SpanSet.empty, SpanSet(Box2I(minX: 9, minY: 40, width: 1, height: 1)), square, SpanSet(box),
      SpanSet(Box2I(minX: -20, minY: 10, width: 60, height: 1)),
      SpanSet(Box2I(minX: 200, minY: 200, width: 9, height: 9)),
      SpanSet(Box2I(minX: -25, minY: 5, width: 20, height: 20)),
      SpanSet(Box2I(minX: 1 << 28, minY: 0, width: 5, height: 5)),
    ]
    for weighting in DipoleFitConfig.Weighting.allCases {
      for background in 0...2 {
        for all in [false, true] {
          var config = DipoleFitConfig()
          (config.weighting, config.fitBackground, config.fitAllDiaSources) = (weighting, background, all)
          config.maxFootprintArea = 0
          for region in regions {
            for peaks in [nil, [], many, far, odd] as [[Peak]?] {
              let catalog = try measured(footprint(region, peaks: peaks), scene, config)
              let isFitted = try catalog.flags("classificationAttempted")[0]
              // A fit has a flux, or there is a flag, or nothing was asked for.
              let flux = try catalog.doubles("instFlux")[0]
              #expect(isFitted == (flux > 0) && (flux.isFinite || flux.isNaN))
            }
          }
        }
      }
    }
  }

  @Test func pixelsOfAllKinds() throws {
    let region = SpanSet(Box2I(minX: 0, minY: 30, width: 22, height: 21))
    let good = try measured(footprint(region), try scene())
    #expect(try good.flags("classification") == [true])
    /// Spoils the pixels of a part of all images.
    func spoiled(_ part: Box2I, image: Float? = nil, variance: Float? = nil, plane: String? = nil) throws -> DipoleScene
    {
      var scene = try scene()
      func spoil(_ exposure: inout Exposure) throws {
        try exposure.maskedImage.update { pixels, mask, variances throws(ImagingError) in
          for y in part.minY..<part.endY {
            for x in part.minX..<part.endX {
              if let image { pixels[x, y] = image }
              if let variance { variances[x, y] = variance }
            }
          }
          if let plane { try mask.set(plane, in: part) }
        }
      }
      try spoil(&scene.difference)
      try spoil(&scene.science)
      try spoil(&scene.template)
      return scene
    }
    let few = Box2I(minX: 7, minY: 38, width: 2, height: 2)
    for scene in [
      try spoiled(few, image: .nan), try spoiled(few, image: .infinity), try spoiled(few, variance: .nan),
      try spoiled(few, variance: 0), try spoiled(few, variance: -4), try spoiled(few, variance: .infinity),
      try spoiled(few, image: 1e6, plane: "SAT"),
    ] {
      // The rest of the pixels is enough.
      let catalog = try measured(footprint(region), scene)
      #expect(try catalog.flags("classification") == [true])
      #expect(try abs(catalog.doubles("pos_x")[0] - 9) < 0.1 && abs(catalog.doubles("neg_x")[0] - 12) < 0.1)
      #expect(try catalog.catalog.column("ip_diffim_DipoleFit_nData", as: Int64.self)[0] > 1000)
    }
    for scene in [
      try spoiled(box, image: .nan), try spoiled(box, variance: 0), try spoiled(box, variance: .nan),
      try spoiled(box, plane: "NO_DATA"), try spoiled(box, image: 0),
    ] {
      let catalog = try measured(footprint(region), scene)
      #expect(try catalog.flags("flag") == [true] && catalog.flags("classificationAttempted") == [false])
    }
    let flat = try measured(footprint(region), try spoiled(box, image: 7))
    #expect(try flat.flags("classification") == [false])
    // Numbers as large and as small as float32 has them.
    for scene in [
      try spoiled(few, image: .greatestFiniteMagnitude), try spoiled(box, variance: .leastNonzeroMagnitude),
      try spoiled(box, variance: .greatestFiniteMagnitude), try spoiled(few, image: -3e38, variance: 1e-38),
    ] {
      for weighting in DipoleFitConfig.Weighting.allCases {
        var config = DipoleFitConfig()
        config.weighting = weighting
        _ = try measured(footprint(region), scene, config)
      }
    }
  }

  @Test func withoutAPSFThereIsAFlag() throws {
    var scene = try scene()
    let region = SpanSet(Box2I(minX: 0, minY: 30, width: 22, height: 21))
    // Images without a PSF of their own take the difference's.
    (scene.science.psf, scene.template.psf) = (nil, nil)
    #expect(try measured(footprint(region), scene).flags("classification") == [true])
    scene.difference.psf = nil
    #expect(try measured(footprint(region), scene).flags("flag") == [true])
  }
}
