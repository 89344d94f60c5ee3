// SPDX-License-Identifier: GPL-3.0-or-later
// Which objects there are.

internal import Foundation
internal import Imaging
internal import SkyGeometry

/// All objects of a survey.
struct Population {
  private(set) var objects: [SkyObject] = []
  private let config: SurveyConfig
  private let visits: [SurveyVisit]
  private let tracts: SurveyTracts

  init(_ config: SurveyConfig, _ visits: [SurveyVisit]) {
    self.config = config
    self.visits = visits
    tracts = SurveyTracts(config)
    for field in config.fields.raList.indices {
      addStars(field)
      addGalaxies(field)
      addVariables(field)
      addTransients(field)
      addProperMotions(field)
    }
    addSolarSystem()
  }

  private var start: Double { visits.first?.mjd ?? 0 }
  private var nextID: Int64 { Int64(objects.count) + 1 }

  private mutating func add(_ position: SpherePoint, _ fluxes: [Double], _ behaviour: SkyObject.Behaviour) {
    objects.append(SkyObject(id: nextID, position: position, fluxes: fluxes, behaviour))
  }

  /// Uniform on the sky within a radius of a field's centre.
  private func place(_ field: Int, within radius: Double, _ random: inout RandomStream) -> SpherePoint {
    let depth = random.uniform() * (1 - cos(radius * .pi / 180))
    // acos(1 − depth), without its loss of digits near 0.
    let distance = 2 * asin((depth / 2).squareRoot())
    return tracts.centers[field].offset(bearing: .radians(2 * .pi * random.uniform()), distance: .radians(distance))
  }

  /// How many there are of a density, a square degree.
  private func count(_ density: Double) -> Int {
    min(SurveyConfig.largestObjectCount, Int(exactly: (density * tracts.fieldArea).rounded()) ?? 0)
  }

  /// A magnitude of a distribution ∝ 10^(slope m) between two.
  static func magnitude(_ bright: Double, _ faint: Double, slope: Double, _ random: inout RandomStream) -> Double {
    let part = random.uniform()
    guard slope > 1e-6 else { return bright + (faint - bright) * part }
    return bright + log10(1 + part * (pow(10, slope * (faint - bright)) - 1)) / slope
  }

  /// nJy in each band: the colour of the first two bands, and ever less of it toward the red.
  private func fluxes(magnitude: Double, colour: Double) -> [Double] {
    var total = 0.0
    return config.bands.indices.map { band in
      if band > 0 { total += pow(0.4, Double(band - 1)) }
      return PhotoCalib.zeroMagnitudeNanojansky * pow(10, -0.4 * (magnitude - colour * total))
    }
  }

  private func colour(_ mean: Double, _ scatter: Double, _ random: inout RandomStream) -> Double {
    mean + scatter * max(-2.5, min(2.5, random.gaussian()))
  }

  private mutating func addStars(_ field: Int) {
    let stars = config.stars
    var random = RandomStream(config.seed, "stars", field)
    let count = count(stars.density)
    objects.reserveCapacity(objects.count + count)
    for _ in 0..<count {
      let position = place(field, within: tracts.populatedRadius, &random)
      let m = Self.magnitude(stars.brightMagnitude, stars.faintMagnitude, slope: stars.slope, &random)
      add(position, fluxes(magnitude: m, colour: colour(stars.colour, stars.colourScatter, &random)), .constant)
    }
  }

  private mutating func addGalaxies(_ field: Int) {
    let galaxies = config.galaxies
    var random = RandomStream(config.seed, "galaxies", field)
    for _ in 0..<count(galaxies.density) {
      let position = place(field, within: tracts.populatedRadius, &random)
      let m = Self.magnitude(galaxies.brightMagnitude, galaxies.faintMagnitude, slope: galaxies.slope, &random)
      let fluxes = fluxes(magnitude: m, colour: colour(galaxies.colour, galaxies.colourScatter, &random))
      // Fainter ones are smaller: 0.1 in the logarithm a magnitude.
      let size = log10(galaxies.medianRadius) - 0.1 * (m - 22) + galaxies.radiusScatter * random.gaussian()
      let kind = random.uniform()
      let isBulge = kind < galaxies.bulgeFraction
      let isMixture = !isBulge && kind < galaxies.bulgeFraction + (1 - galaxies.bulgeFraction) / 3
      let mixture = random.uniform(0.1, 0.5)
      let shape = GalaxyShape(
        radius: max(0.02, min(galaxies.largestRadius, pow(10, size))),
        axisRatio: isBulge ? random.uniform(0.6, 1) : random.uniform(0.25, 1),
        positionAngle: .radians(.pi * random.uniform()), bulge: isBulge ? 1 : isMixture ? mixture : 0)
      add(position, fluxes, .galaxy(shape))
    }
  }

  private mutating func addVariables(_ field: Int) {
    let variables = config.variables
    var random = RandomStream(config.seed, "variables", field)
    for _ in 0..<variables.count {
      let position = place(field, within: tracts.commonRadius, &random)
      let m = random.uniform(variables.brightMagnitude, variables.faintMagnitude)
      let period = variables.shortestPeriod * pow(variables.longestPeriod / variables.shortestPeriod, random.uniform())
      let light = PeriodicLight(
        epoch: start, period: period,
        amplitude: random.uniform(variables.smallestAmplitude, variables.largestAmplitude),
        phase: 2 * .pi * random.uniform())
      let colour = colour(config.stars.colour, config.stars.colourScatter, &random)
      add(position, fluxes(magnitude: m, colour: colour), .periodic(light))
    }
  }

  private mutating func addTransients(_ field: Int) {
    let transients = config.transients
    var random = RandomStream(config.seed, "transients", field)
    // The first visit at which something may have changed.
    let all = Double(visits.count) * transients.changeAfter
    let index = min(visits.count - 1, Int(exactly: all.rounded(.up)) ?? 0)
    let (earliest, last) = (visits[index].mjd, visits[visits.count - 1].mjd)
    let before = index > 0 ? (visits[index - 1].mjd + earliest) / 2 : earliest - 1
    for number in 0..<transients.count {
      let position = place(field, within: tracts.commonRadius, &random)
      let m = random.uniform(transients.brightMagnitude, transients.faintMagnitude)
      let colour = colour(config.stars.colour, config.stars.colourScatter, &random)
      let start = random.uniform(before, (earliest + last) / 2)
      let episode = Episode(
        isDisappearance: number % 2 == 1, start: start,
        end: start + transients.duration * random.uniform(0.5, 1.5), rise: transients.rise,
        decline: transients.decline)
      add(position, fluxes(magnitude: m, colour: colour), .episode(episode))
    }
  }

  private mutating func addProperMotions(_ field: Int) {
    let motions = config.properMotion
    var random = RandomStream(config.seed, "properMotion", field)
    for _ in 0..<motions.count {
      let position = place(field, within: tracts.commonRadius, &random)
      let m = random.uniform(motions.brightMagnitude, motions.faintMagnitude)
      let colour = colour(config.stars.colour, config.stars.colourScatter, &random)
      let motion = ProperMotion(
        epoch: start, bearing: .radians(2 * .pi * random.uniform()),
        speed: random.uniform(motions.slowest, motions.fastest))
      add(position, fluxes(magnitude: m, colour: colour), .properMotion(motion))
    }
  }

  /// Each object is within the common part of the field at one of the visits, which take turns over the whole survey.
  private mutating func addSolarSystem() {
    let config = config.solarSystem
    var random = RandomStream(self.config.seed, "solarSystem")
    for number in 0..<config.count {
      let visit = visits[(number * visits.count / max(1, config.count)) % visits.count]
      let sky = place(visit.field, within: 0.8 * tracts.commonRadius, &random)
      let v = random.uniform(config.brightMagnitude, config.faintMagnitude)
      let trajectory = Trajectory(
        epoch: visit.mjd, sky: sky, distance: random.uniform(1, 3),
        // Most move westward along the ecliptic, as they do around opposition.
        bearing: .degrees(180 + 25 * random.gaussian()),
        rate: random.uniform(config.slowest, config.fastest) * .pi / 180)
      // V lies half-way between the first two bands; sunlight's colour.
      let planet = MinorPlanet(trajectory: trajectory, magnitude: v, designation: Designation(number: number))
      add(trajectory.position(mjd: start), fluxes(magnitude: v + 0.3, colour: 0.6), .orbit(planet))
    }
  }
}
