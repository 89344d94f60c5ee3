// SPDX-License-Identifier: GPL-3.0-or-later
// How one exposure is made.

internal import Catalogs
internal import Foundation
internal import Imaging
internal import SkyGeometry

/// An object on a detector at the time of an exposure.
struct SeenObject {
  let object: SkyObject
  /// At mid-exposure.
  let sky: SpherePoint
  let pixel: Point2D
  /// Counts now, and of the static sky.
  let flux: Double
  let staticFlux: Double
}

/// Makes one exposure: light, then noise, then the detector's faults.
struct ExposureSimulator {
  let survey: SyntheticSurvey
  let visit: SurveyVisit
  let detector: Int
  let wcs: SkyWCS
  let photoCalib: PhotoCalib
  let psf: PolynomialPSF
  private let stars: StarPainter

  private var config: SurveyConfig { survey.config }
  private var focalPlane: FocalPlane { survey.focalPlane }
  private var box: Box2I { focalPlane.box }

  init(_ survey: SyntheticSurvey, _ visit: SurveyVisit, detector: Int) throws {
    self.survey = survey
    self.visit = visit
    self.detector = detector
    wcs = try SkyWCS(
      referencePixel: survey.focalPlane.boresight(detector: detector), reference: visit.boresight,
      cd: visit.cd(pixelScale: survey.config.camera.pixelScale))
    photoCalib = try PhotoCalib(zeroPoint: visit.zeroPoint)
    let moffat = MoffatField(survey.config, visit)
    psf = try moffat.polynomialPSF(survey.focalPlane, detector: detector, order: survey.config.psf.spatialOrder)
    stars = StarPainter(moffat: moffat, focalPlane: survey.focalPlane, detector: detector)
  }

  /// Counts of sky in a pixel.
  var skyLevel: Double {
    let scale = config.camera.pixelScale
    return pow(10, -0.4 * (visit.skyMagnitude - visit.zeroPoint)) * scale * scale
  }

  /// Variance of a pixel that expects so many counts beside the sky, counts².
  private func variance(_ counts: Double) -> Double {
    let (gain, readNoise) = (config.camera.gain, config.camera.readNoise)
    return max(0, counts + skyLevel) / gain + readNoise * readNoise / (gain * gain)
  }

  func run() throws -> SimulatedExposure {
    let seen = seenObjects()
    let (light, changing) = try paint(seen)
    let gradient = SkyGradient(config, visit: visit.number)
      .image(focalPlane, detector: detector, calibration: photoCalib.mean)
    let noiseFree = Image<Float>(box: box, adding: light, gradient)
    let faults = try addFaults(expose(noiseFree), noiseFree, light)
    var exposure = Exposure(faults.image)
    describe(&exposure)
    let pixelNoise = variance(0).squareRoot()
    return SimulatedExposure(
      exposure: exposure, background: gradient, noiseFree: noiseFree, changingLight: changing,
      cosmicRays: faults.cosmicRays, skyLevel: skyLevel,
      truth: try TruthTable.exposure(seen, psf, gain: config.camera.gain, pixelNoise: pixelNoise, photoCalib, visit),
      sources: try SourceTable(survey, visit, detector, psf, pixelNoise: pixelNoise)
        .catalog(seen, faults.image.mask, wcs))
  }

  /// The objects whose light may reach this detector, in the order of the survey.
  private func seenObjects() -> [SeenObject] {
    let (width, height) = (Double(box.width), Double(box.height))
    let center = wcs.pixelToSky([box.center])[0].unitVector
    // Generous: the light of the largest galaxies, and what moves between now and the survey's begin.
    let radius =
      (width * width + height * height).squareRoot() / 2 * config.camera.pixelScale / 3600
      + survey.tracts.populatedRadius - survey.tracts.reach
    let limit = cos(min(170, 1.01 * radius) * .pi / 180)
    var near: [(object: SkyObject, sky: SpherePoint)] = []
    for object in survey.objects {
      let isMoving = object.kind == .properMotion || object.kind == .solarSystem
      let sky = isMoving ? object.position(mjd: visit.mjd) : object.position
      let direction = isMoving ? sky.unitVector : object.direction
      if (direction * center).sum() >= limit { near.append((object, sky)) }
    }
    let pixels = wcs.skyToPixel(near.map(\.sky))
    let galaxies = GalaxyPainter(
      cd: visit.cd(pixelScale: config.camera.pixelScale), pixelScale: config.camera.pixelScale)
    var seen: [SeenObject] = []
    for ((object, sky), pixel) in zip(near, pixels) {
      var reach = Double(stars.moffat.radius + 1)
      if case .galaxy(let shape) = object.behaviour { reach += Double(galaxies.reach(shape)) }
      guard pixel.x > -reach, pixel.x < width + reach, pixel.y > -reach, pixel.y < height + reach else { continue }
      let counts = 1 / photoCalib.mean
      seen.append(
        SeenObject(
          object: object, sky: sky, pixel: pixel,
          flux: object.flux(band: visit.bandIndex, mjd: visit.mjd) * counts,
          staticFlux: object.staticFlux(band: visit.bandIndex) * counts))
    }
    return seen
  }

  /// All light, and the part of it that differs from the static sky.
  private func paint(_ seen: [SeenObject]) throws -> (light: Image<Float>, changing: Image<Float>) {
    var light = Image<Float>(box: box, fill: 0)
    var changing = light
    // Galaxies beyond the edge have their light convolved into the image.
    let scale = config.camera.pixelScale
    let painter = GalaxyPainter(cd: visit.cd(pixelScale: scale), pixelScale: scale)
    var galaxies = Image<Float>(box: box.grown(by: stars.moffat.radius), fill: 0)
    for one in seen {
      switch one.object.behaviour {
      case .galaxy(let shape): painter.paint(one.flux, shape, at: one.pixel, into: &galaxies)
      case .constant: stars.paint(one.flux, at: one.pixel, into: &light)
      case .periodic, .episode:
        stars.paint(one.staticFlux, at: one.pixel, into: &light)
        stars.paint(one.flux - one.staticFlux, at: one.pixel, into: &changing)
      case .properMotion:
        stars.paint(one.flux, at: one.pixel, into: &changing)
        let start = wcs.skyToPixel([one.object.position])[0]
        if start.isFinite {
          stars.paint(one.flux, at: start, into: &light)
          stars.paint(-one.flux, at: start, into: &changing)
        }
      case .orbit(let planet):
        let half = config.visits.exposureSeconds / 172_800
        let ends = wcs.skyToPixel([-half, half].map { planet.trajectory.position(mjd: visit.mjd + $0) })
        guard ends.allSatisfy(\.isFinite) else { continue }
        stars.paintTrail(one.flux, from: ends[0], to: ends[1], into: &changing)
      }
    }
    let seeing = try Kernel(turning: psf)
    // A 30,000th of a galaxy's light is far below its photon noise.
    let control = ConvolutionControl(kernelTolerance: 3e-5)
    let convolved = try convolve(galaxies, with: seeing, control: control).cropped(to: box)
    light = Image(box: box, adding: Image(box: box, adding: light, convolved), changing)
    return (light, changing)
  }

  /// What the detector reads, with the sky: photon noise of the true mean, and read noise.
  private func expose(_ noiseFree: Image<Float>) -> Image<Float> {
    var random = RandomStream(config.seed, "noise", Int(visit.number), detector)
    var counts = noiseFree
    let sky = skyLevel
    let (gain, readNoise) = (config.camera.gain, config.camera.readNoise)
    let readVariance = readNoise * readNoise / (gain * gain)
    for y in box.minY..<box.endY {
      counts.withMutableRow(y) { row in
        for i in row.indices {
          let mean = Double(row[i]) + sky
          row[i] = Float(mean + (max(0, mean) / gain + readVariance).squareRoot() * random.gaussian())
        }
      }
    }
    return counts
  }

  /// Saturation, cosmic rays and bad columns, with their flags; the sky is subtracted.
  private func addFaults(
    _ exposed: Image<Float>, _ noiseFree: Image<Float>, _ light: Image<Float>
  ) throws -> (image: MaskedImage, cosmicRays: Image<UInt8>) {
    var counts = exposed
    var mask = Mask(box: box)
    let bits = try FaultBits(mask.planes)
    var cosmicRays = Image<UInt8>(box: box, fill: 0)
    var holes = Set<Point2I>()
    for track in CosmicRayTrack.tracks(config, box, visit: visit.number, detector: detector) {
      for (x, y, charge) in track.pixels {
        counts[x, y] += charge
        cosmicRays[x, y] = max(cosmicRays[x, y], 1)
        if track.isFlagged {
          mask[x, y] |= bits.cosmicRay
          holes.insert(Point2I(x: x, y: y))
        } else {
          cosmicRays[x, y] = 2
        }
      }
    }
    let isFull = bleed(&counts, limit: Float(config.camera.saturation), reach: config.camera.largestBleed)
    for column in BadColumn.columns(config, detector: detector) {
      for y in column.firstRow..<box.endY {
        mask[column.x, y] |= bits.bad
        holes.insert(Point2I(x: column.x, y: y))
      }
    }
    flagLight(&mask, light, isFull, bits)
    // In the order of rows, so that nothing depends on how a set is arranged.
    let filled = holes.sorted { ($0.y, $0.x) < ($1.y, $1.x) }
    let unusable = bits.bad | bits.cosmicRay
    let values = interpolated(counts, filled) { x, y in mask[x, y] & unusable == 0 }
    for (pixel, value) in zip(filled, values) {
      counts[pixel.x, pixel.y] = value
      mask[pixel.x, pixel.y] |= bits.interpolated
      // A pixel that nobody found cannot be one that was filled.
      if cosmicRays[pixel.x, pixel.y] == 2 { cosmicRays[pixel.x, pixel.y] = 1 }
    }
    let sky = Float(skyLevel)
    return (
      try MaskedImage(
        image: counts.map { $0 - sky }, mask: mask, variance: noiseFree.map { Float(variance(Double($0))) }),
      cosmicRays
    )
  }

  /// Sets SAT, DETECTED and EDGE.
  private func flagLight(_ mask: inout Mask, _ light: Image<Float>, _ isFull: [Bool], _ bits: FaultBits) {
    let threshold = Float(config.sources.detectedSigma * variance(0).squareRoot())
    let edge = config.camera.edge
    let inside = Box2I(
      minX: edge, minY: edge, width: max(0, box.width - 2 * edge), height: max(0, box.height - 2 * edge))
    for y in box.minY..<box.endY {
      let pixels = light.row(y)
      let isEdgeRow = y < inside.minY || y >= inside.endY
      let start = (y - box.minY) * box.width
      mask.bits.withMutableRow(y) { row in
        for i in row.indices {
          if pixels[i] > threshold { row[i] |= bits.detected }
          if isFull[start + i] { row[i] |= bits.saturated }
          if isEdgeRow || i < inside.minX || i >= inside.endX { row[i] |= bits.edge }
        }
      }
    }
  }

  /// What is known of the exposure.
  private func describe(_ exposure: inout Exposure) {
    let camera = config.camera
    exposure.psf = psf
    exposure.wcs = wcs
    exposure.photoCalib = photoCalib
    exposure.filter = FilterLabel(band: visit.band, physicalFilter: "\(visit.band) synthetic")
    exposure.detector = Detector(
      id: detector, name: "S\(detector)", box: box, gain: camera.gain, readNoise: camera.readNoise,
      saturation: camera.saturation)
    var info = VisitInfo()
    info.id = visit.number
    info.exposureSeconds = config.visits.exposureSeconds
    info.darkSeconds = config.visits.exposureSeconds
    info.mjdTAI = visit.mjd
    info.boresight = visit.boresight
    info.boresightRotation = visit.rotation
    info.boresightAirmass = 1
    info.instrument = config.instrument
    info.observationType = "science"
    info.scienceProgram = "synthetic survey"
    info.hasSimulatedContent = true
    exposure.visitInfo = info
  }
}

extension Image<Float> {
  /// The sum of two images that cover a box.
  init(box: Box2I, adding a: Image<Float>, _ b: Image<Float>) {
    self = a
    for y in box.minY..<box.endY {
      let other = b.row(y)
      withMutableRow(y) { row in for i in row.indices { row[i] += other[i] } }
    }
  }
}
