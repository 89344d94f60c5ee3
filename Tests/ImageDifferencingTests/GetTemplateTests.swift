// SPDX-License-Identifier: GPL-3.0-or-later
// Templates of a simulated exposure against what is true of its sky.

import ImageDifferencing
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import Testing

@Suite struct GetTemplateTests {
  static let survey = Result { try TemplateSurvey() }
  /// Of the sky without noise.
  static let light = Result { try survey.get().coadds(\.noiseFree) }
  /// A star that nothing else is near, on the template.
  private struct Star {
    let position: Point2D
    /// Counts.
    let flux: Double
    let psf: Image<Double>
    /// In a tract's overlap, or so close to a border between patches that pixels of both are in its core.
    let isOnSeam: Bool
  }

  /// - Parameter distance: within which nothing else is, arcseconds.
  private func stars(
    _ survey: TemplateSurvey, _ template: Exposure, isolatedBy distance: Double = 5
  ) throws -> [Star] {
    let (wcs, photoCalib) = (try #require(survey.science.wcs), try #require(survey.science.photoCalib))
    let psf = try #require(template.psf)
    let noData = try template.maskedImage.mask.planes.bitMask("NO_DATA")
    let objects = survey.survey.objects
    var result: [Star] = []
    for object in objects where object.kind == .star && object.fluxes[0] > 2000 {
      let position = try wcs.skyToPixel(object.position)
      guard let core = Box2I(centeredAt: position, side: 41),
        template.box.contains(core), template.maskedImage.mask.cropped(to: core).count(noData) == 0,
        let flux = survey.survey.flux(ofObject: object.id, visit: survey.scienceVisit)
      else { continue }
      let isIsolated = !objects.contains { other in
        other.id != object.id && other.fluxes[0] > 3e-4 * object.fluxes[0]
          && other.position.separation(from: object.position).arcseconds < distance
      }
      guard isIsolated else { continue }
      result.append(
        Star(
          position: position, flux: flux / photoCalib.mean, psf: try psf.image(at: position),
          isOnSeam: try isOnSeam(object.position, survey.skyMap)))
    }
    return result
  }

  private func isOnSeam(_ position: SpherePoint, _ skyMap: SkyMap) throws -> Bool {
    let places = try (0..<skyMap.tractCount).map { try skyMap.tract($0) }.filter { $0.contains(position) }
    guard places.count == 1, let tract = places.first else { return true }
    let pixel = try tract.wcs.skyToPixel(position)
    let box = Box2D(try tract.findPatch(position).innerBox)
    return min(pixel.x - box.minX, box.maxX - pixel.x, pixel.y - box.minY, box.maxY - pixel.y) < 4
  }

  /// Flux by the PSF and the star's distance from where it should be, to first order.
  private func measure(_ star: Star, _ image: Image<Float>) throws -> (flux: Double, dx: Double, dy: Double) {
    let center = try #require(star.position.pixel)
    let part = Box2I(minX: center.x - 8, minY: center.y - 8, width: 17, height: 17)
    let p = star.psf
    var (signal, norm) = (0.0, 0.0)
    for y in part.minY..<part.endY {
      for x in part.minX..<part.endX {
        signal += p[x, y] * Double(image[x, y])
        norm += p[x, y] * p[x, y]
      }
    }
    let flux = signal / norm
    var (sx, sy, nx, ny) = (0.0, 0.0, 0.0, 0.0)
    for y in part.minY..<part.endY {
      for x in part.minX..<part.endX {
        // A star farther to the right is the PSF minus its derivative.
        let (gx, gy) = ((p[x - 1, y] - p[x + 1, y]) / 2, (p[x, y - 1] - p[x, y + 1]) / 2)
        let rest = Double(image[x, y]) - flux * p[x, y]
        sx += gx * rest
        sy += gy * rest
        nx += gx * gx
        ny += gy * gy
      }
    }
    return (flux, sx / nx / flux, sy / ny / flux)
  }

  @Test func starsAreWhereTheyShouldBeAndAsBright() throws {
    let survey = try Self.survey.get()
    let template = try survey.template(try Self.light.get())
    let stars = try stars(survey, template)
    #expect(stars.count >= 25 && stars.filter(\.isOnSeam).count >= 5)
    for star in stars {
      let (flux, dx, dy) = try measure(star, template.maskedImage.image)
      #expect(abs(dx) < 0.02 && abs(dy) < 0.02, "\(dx), \(dy) at \(star.position)")
      #expect(abs(flux / star.flux - 1) < 0.003, "\(flux / star.flux) at \(star.position)")
    }
  }

  /// The image of a star, pixel by pixel: what is left of it without the PSF.
  @Test func thePSFIsThatOfTheStars() throws {
    let survey = try Self.survey.get()
    let template = try survey.template(try Self.light.get())
    // Half the diagonal of a stamp of 21 pixels and the reach of a neighbour's light, 24 pixels.
    let stars = try stars(survey, template, isolatedBy: 9.75)
    #expect(stars.count >= 10)
    for star in stars {
      let part = star.psf.box.intersection(try #require(Box2I(centeredAt: star.position, side: 21)))
      var (rest, worst, peak) = (0.0, 0.0, 0.0)
      for y in part.minY..<part.endY {
        for x in part.minX..<part.endX {
          let difference = abs(Double(template.maskedImage.image[x, y]) - star.flux * star.psf[x, y])
          rest += difference
          worst = max(worst, difference)
          peak = max(peak, star.flux * star.psf[x, y])
        }
      }
      #expect(rest < 0.02 * star.flux, "\(rest / star.flux) at \(star.position)")
      #expect(worst < 0.01 * peak, "\(worst / peak) at \(star.position)")
    }
  }

  /// The border is there, and so is everything else that a subtraction asks for.
  @Test func theTemplateFitsTheExposure() throws {
    let survey = try Self.survey.get()
    let task = try GetTemplateTask()
    let template = try survey.template(try Self.light.get(), task: task)
    #expect(template.box == survey.science.box.grown(by: 20))
    #expect(template.wcs == survey.science.wcs && template.photoCalib == survey.science.photoCalib)
    #expect(template.filter?.band == "r")
    let noData = try template.maskedImage.mask.planes.bitMask("NO_DATA")
    let image = template.maskedImage
    for i in image.image.pixels.indices {
      let isThere = image.mask.bits.pixels[i] & noData == 0
      #expect(image.image.pixels[i].isFinite == isThere && image.variance.pixels[i].isFinite == isThere)
      if !isThere { #expect(image.image.pixels[i].isNaN && image.variance.pixels[i] == .infinity) }
    }
    // A quarter of an arcminute from the middle of the field, all visits have data on all sides but for their dithers.
    let coverage = try task.metadata.double("coverage")
    #expect(coverage > 0.9)
    #expect(try task.metadata.array("tracts") == [.integer(0), .integer(1)])
    let border = image.mask.bits.pixels.count { $0 & noData == 0 } - Int(coverage * Double(survey.science.box.area))
    #expect(border > 10_000, "the border has data")
    #expect(template.psf?.averagePosition == survey.science.box.center)
  }

  // MARK: - Seams

  /// A sky that is a plane, in nJy a pixel, by the offset from the middle of the field in pixels.
  private func plane(_ positions: [SpherePoint]) -> [Double] {
    positions.map { 100 + 14_400 * (0.05 * ($0.ra.degrees - 150.1) + 0.03 * ($0.dec.degrees - 2.2)) }
  }

  private func planeImage(_ exposure: Exposure, box: Box2I? = nil) throws -> Image<Float> {
    let (wcs, photoCalib, box) = (
      try #require(exposure.wcs), try #require(exposure.photoCalib), box ?? exposure.box
    )
    let positions = (box.minY..<box.endY).flatMap { y in
      (box.minX..<box.endX).map { Point2D(x: Double($0), y: Double(y)) }
    }
    return try Image(box: box, pixels: plane(wcs.pixelToSky(positions)).map { Float($0 / photoCalib.mean) })
  }

  @Test func aSmoothSkyStaysSmooth() throws {
    let survey = try Self.survey.get()
    let scale = try #require(survey.science.photoCalib).mean
    let planes = try Dictionary(
      uniqueKeysWithValues: survey.exposures.map {
        (try #require($0.exposure.visitInfo?.id), try planeImage($0.exposure))
      })
    let template = try survey.template(
      try survey.coadds { simulated in simulated.exposure.visitInfo?.id.flatMap { planes[$0] } ?? simulated.noiseFree })
    let expected = try planeImage(survey.science, box: template.box)
    var (worst, count) = (0.0, 0)
    for (found, wanted) in zip(template.maskedImage.image.pixels, expected.pixels) where found.isFinite {
      worst = max(worst, abs(Double(found - wanted)) * scale)
      count += 1
    }
    // The plane rises by 0.06 nJy a pixel or less. Taps that are scaled to sum 1 move the centre of a Lanczos-3 kernel by up to 0.011 pixels,
    // here along two axes and twice: 0.003 nJy. A patch's edge that showed would show as a part of 100 nJy.
    #expect(worst < 0.006, "\(worst)")
    #expect(count > 150_000)
  }

  /// Tracts whose backgrounds were matched apart differ; the template goes from the one to the other without a step.
  @Test func tractsThatDifferAreJoinedWithoutAStep() throws {
    let survey = try Self.survey.get()
    let step: Float = 12
    let coadds = try survey.coadds { $0.noiseFree.map { _ in 0 } }.map { coadd in
      var coadd = coadd
      if coadd.tract.id == 1 {
        try coadd.exposure.maskedImage.add(Image<Float>(box: coadd.exposure.box, fill: step))
      }
      return coadd
    }
    let template = try survey.template(coadds)
    let scale = Float(try #require(survey.science.photoCalib).mean)
    var (low, high, steepest): (Float, Float, Float) = (.infinity, -.infinity, 0)
    // Away from where the visits end: there a pixel or two are in the one tract's coadd and not in the other's.
    let image = template.maskedImage.image.cropped(to: survey.science.box.grown(by: -60))
    for y in image.box.minY..<image.box.endY {
      let row = image.row(y)
      for i in 1..<row.count {
        let (a, b) = (row[i - 1] * scale, row[i] * scale)
        guard a.isFinite, b.isFinite else { continue }
        (low, high) = (min(low, a, b), max(high, a, b))
        steepest = max(steepest, abs(b - a))
      }
    }
    #expect(abs(low) < 1e-3 && abs(high - step) < 1e-3)
    // 12 nJy over a strip of 94.5 pixels, for which both tracts have all six taps; their mean variances differ by a few per cent at most,
    // and so does the way's slope from its mean.
    #expect(steepest < 1.1 * step / 94.5, "\(steepest)")
  }

  @Test func theOrderOfPatchesDoesNotMatter() throws {
    let survey = try Self.survey.get()
    let coadds = try TemplateNoiseTests.noise.get()
    let (a, b) = (try survey.template(coadds), try survey.template(coadds.reversed()))
    #expect(a.maskedImage.image.pixels.map(\.bitPattern) == b.maskedImage.image.pixels.map(\.bitPattern))
    #expect(a.maskedImage.variance.pixels.map(\.bitPattern) == b.maskedImage.variance.pixels.map(\.bitPattern))
    #expect(a.psf as? CoaddPSF == b.psf as? CoaddPSF)
  }

  // MARK: - What is not there

  @Test func aMissingPatchCostsItsArea() throws {
    let survey = try Self.survey.get()
    let whole = try Self.light.get()
    let wcs = try #require(survey.science.wcs)
    // The patch in which a position is that only tract 0 has.
    let position = try wcs.pixelToSky(Point2D(x: 60, y: 190))
    let places = try (0..<2).map { try survey.skyMap.tract($0) }.filter { $0.contains(position) }
    #expect(places.count == 1)
    let tract = try #require(places.first)
    let other = try survey.skyMap.tract(1 - tract.id)
    let gone = try tract.findPatch(position)
    let template = try survey.template(whole).maskedImage
    let less = try survey.template(whole.filter { $0.patch != gone }).maskedImage
    let positions = (less.box.minY..<less.box.endY).flatMap { y in
      (less.box.minX..<less.box.endX).map { Point2D(x: Double($0), y: Double(y)) }
    }
    let pixels = tract.wcs.skyToPixel(wcs.pixelToSky(positions))
    // Where both tracts are their weights count, which follow from all of their pixels.
    let otherPixels = other.wcs.skyToPixel(wcs.pixelToSky(positions))
    var lost = 0
    for (i, pixel) in pixels.enumerated() where template.image.pixels[i].isFinite {
      if Box2D(gone.innerBox).contains(pixel) {
        #expect(less.image.pixels[i].isNaN)
        lost += 1
      } else if !Box2D(gone.innerBox).grown(by: 3).contains(pixel), !Box2D(other.box).contains(otherPixels[i]) {
        #expect(less.image.pixels[i].bitPattern == template.image.pixels[i].bitPattern)
      }
    }
    #expect(lost > 5000)
  }

  /// An exposure that is moved off the coadds has a gap, and one that is beyond them nothing to do.
  @Test func whatNobodyCovers() throws {
    let survey = try Self.survey.get()
    let wcs = try #require(survey.science.wcs)
    let coadds = try Self.light.get()
    let moved = try survey.template(coadds, wcs: try wcs.shifted(by: Point2D(x: -300, y: 0)))
    let noData = try moved.maskedImage.mask.planes.bitMask("NO_DATA")
    let isRight = Box2I(minX: 300, minY: 50, width: 200, height: 200)
    #expect(moved.maskedImage.mask.cropped(to: isRight).count(noData) == isRight.area)
    #expect(moved.maskedImage.mask.count(noData) < moved.box.area * 3 / 4)
    let average = try #require(moved.psf?.averagePosition)
    #expect(throws: Never.self) { try moved.psf?.kernelImage(at: average) }
    #expect(throws: ImagingError.self) { try moved.psf?.kernelImage(at: Point2D(x: 480, y: 100)) }
    #expect(throws: NoWorkFound.self) {
      _ = try survey.template(coadds, wcs: try wcs.shifted(by: Point2D(x: -2000, y: 0)))
    }
    #expect(throws: NoWorkFound.self) { _ = try survey.template([]) }
    #expect(throws: NoWorkFound.self) { _ = try survey.template(coadds, box: Box2I(width: 0, height: 0)) }
    // Only the border reaches them.
    #expect(throws: NoWorkFound.self) {
      _ = try survey.template(
        coadds, box: Box2I(minX: 0, minY: 0, width: 10, height: 10), wcs: try wcs.shifted(by: Point2D(x: -518, y: 0)))
    }
  }

  @Test func aCoaddThatDoesNotFitIsRefused() throws {
    let survey = try Self.survey.get()
    let coadds = try Self.light.get()
    func refused(_ change: (inout Exposure) throws -> Void) throws -> String {
      var changed = coadds
      for i in changed.indices { try change(&changed[i].exposure) }
      let error = #expect(throws: TaskError.self) { _ = try survey.template(changed) }
      return error?.message ?? ""
    }
    #expect(try refused { $0.photoCalib = nil }.contains("has no photometric calibration"))
    #expect(try refused { $0.wcs = nil }.contains("another sky map"))
    #expect(
      try refused { $0.wcs = try $0.wcs?.shifted(by: Point2D(x: 0.5, y: 0)) }.contains("another sky map"))
    #expect(
      try refused { exposure in
        try exposure.maskedImage.update { _, _, variance in variance = Image(box: variance.box, fill: 0) }
      }.contains("from which no weight follows"))
    // What is opened late may fail late.
    let unreadable = coadds.map { coadd in
      TemplatePatch(tract: coadd.tract, patch: coadd.patch) { throw TaskError("cannot be read") }
    }
    let (wcs, photoCalib) = (try #require(survey.science.wcs), try #require(survey.science.photoCalib))
    #expect(throws: TaskError("cannot be read")) {
      _ = try GetTemplateTask().run(unreadable, box: survey.science.box, wcs: wcs, photoCalib: photoCalib)
    }
    #expect(throws: QuantumCancelled.self) {
      _ = try GetTemplateTask().run(unreadable, box: survey.science.box, wcs: wcs, photoCalib: photoCalib) {
        throw QuantumCancelled()
      }
    }
  }

  @Test func aCoaddWithoutPSFGivesATemplateWithoutOne() throws {
    let survey = try Self.survey.get()
    var coadds = try Self.light.get()
    for i in coadds.indices { coadds[i].exposure.psf = nil }
    let task = try GetTemplateTask()
    #expect(try survey.template(coadds, task: task).psf == nil)
    #expect(task.warnings == ["a coadd has no PSF, so the template has none"])
  }

  // MARK: - Units and masks

  /// nJy a count that varies over the exposure; where it is not positive there are no counts.
  @Test func theTemplateIsInTheCountsOfTheExposure() throws {
    let survey = try Self.survey.get()
    let coadds = try Self.light.get()
    let plain = try survey.template(coadds, photoCalib: try PhotoCalib(mean: 1)).maskedImage
    let box = survey.science.box
    let field = try SpatialFunction(
      SpatialBasis(.chebyshev(Box2D(box)), order: 1), coefficients: [0.5, 0.7, 0])
    let template = try survey.template(coadds, photoCalib: try PhotoCalib(mean: 0.5, field: field)).maskedImage
    let noData = try template.mask.planes.bitMask("NO_DATA")
    var isNowhere = 0
    for y in stride(from: box.minY, to: box.endY, by: 7) {
      for x in stride(from: box.minX, to: box.endX, by: 7) where plain.image[x, y].isFinite {
        let factor = field(Point2D(x: Double(x), y: Double(y)))
        if factor <= 0 {
          #expect(template.image[x, y].isNaN && template.mask[x, y] & noData != 0)
          isNowhere += 1
          continue
        }
        let expected = Double(plain.image[x, y]) / factor
        #expect(abs(Double(template.image[x, y]) - expected) <= 1e-6 * abs(expected))
        let variance = Double(plain.variance[x, y]) / (factor * factor)
        #expect(abs(Double(template.variance[x, y]) / variance - 1) < 1e-6)
      }
    }
    #expect(isNowhere > 100)
  }

  /// A plane that has another bit in each coadd is one plane in the template, on the pixels that the flagged one is a part of.
  @Test func masksAreJoinedByName() throws {
    let survey = try Self.survey.get()
    var coadds = try Self.light.get()
    let wcs = try #require(survey.science.wcs)
    let position = try wcs.pixelToSky(Point2D(x: 250, y: 200))
    for i in coadds.indices {
      let pixel = try #require(try coadds[i].tract.wcs.skyToPixel(position).pixel)
      try coadds[i].exposure.maskedImage.update { _, mask, _ throws(ImagingError) in
        for k in 0..<i % 3 { try mask.addPlane("OTHER\(k)") }
        try mask.addPlane("STRANGE")
        try mask.set("STRANGE", in: Box2I(minX: pixel.x, minY: pixel.y, width: 1, height: 1))
      }
    }
    let mask = try survey.template(coadds).maskedImage.mask
    let strange = try mask.planes.bitMask("STRANGE")
    #expect(mask[250, 200] & strange != 0)
    // Six taps along each axis, of grids that are turned a little.
    #expect((30...64).contains(mask.count(strange)), "\(mask.count(strange))")
    #expect(mask.count(mask.planes.bitMask(ofExisting: ["OTHER0", "OTHER1"])) == 0)
  }
}
