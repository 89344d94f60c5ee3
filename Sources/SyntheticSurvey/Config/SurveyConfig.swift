// SPDX-License-Identifier: GPL-3.0-or-later
// The description of a survey.

internal import SkyGeometry
package import TaskFramework

/// The description of a survey: what a survey file says.
package struct SurveyConfig: Config {
  package var seed = 1
  package var instrument = "synthcam"
  package var bands = ["g", "r"]
  package var fields = FieldsConfig()
  package var skyMap = TractsConfig()
  package var camera = CameraConfig()
  package var visits = VisitsConfig()
  package var psf = SeeingConfig()
  package var sky = SkyLightConfig()
  package var stars = StarsConfig()
  package var galaxies = GalaxiesConfig()
  package var variables = VariablesConfig()
  package var transients = TransientsConfig()
  package var properMotion = ProperMotionConfig()
  package var solarSystem = SolarSystemConfig()
  package var cosmicRays = CosmicRaysConfig()
  package var sources = SourcesConfig()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("seed", \.seed, in: 0...Int.max, doc: "what all random numbers start from"),
    .field(
      "instrument", \.instrument, doc: "name of the camera", requirement: "1 to 64 letters, digits, _, -, + or .",
      where: isName),
    .field(
      "bands", \.bands, count: 1...16, doc: "bands from blue to red; visits take them in turn",
      requirement: "1 to 64 letters, digits, _, -, + or .", eachItem: isName),
    .config("fields", \.fields, doc: "where the telescope points"),
    .config("skyMap", \.skyMap, doc: "tracts, one a field, and patches"),
    .config("camera", \.camera, doc: "detectors and their faults"),
    .config("visits", \.visits, doc: "when and how exposures are taken"),
    .config("psf", \.psf, doc: "elliptical Moffat profiles that vary over the focal plane"),
    .config("sky", \.sky, doc: "the sky's brightness, and what its subtraction left"),
    .config("stars", \.stars, doc: "stars that never change"),
    .config("galaxies", \.galaxies, doc: "galaxies, which never change"),
    .config("variables", \.variables, doc: "periodic variable stars"),
    .config("transients", \.transients, doc: "stars that appear or disappear, by turns"),
    .config("properMotion", \.properMotion, doc: "stars that move"),
    .config("solarSystem", \.solarSystem, doc: "objects of the solar system, each in the field at one visit at least"),
    .config("cosmicRays", \.cosmicRays, doc: "tracks of cosmic rays"),
    .config("sources", \.sources, doc: "the catalog of stars of each exposure (src)"),
  ]

  /// The most exposures that a survey may have.
  package static let largestExposureCount = 1_000_000
  /// The most objects of a kind, and pixels of a detector.
  package static let largestObjectCount = 20_000_000
  package static let largestPixelCount = 1 << 27

  private static func isName(_ text: String) -> Bool { (try? DataID([.band: .name(text)])) != nil }

  package func validate() throws(ConfigProblem) {
    guard Set(bands).count == bands.count else {
      throw ConfigProblem(path: "bands", reason: "a band is there twice")
    }
    for (path, values) in [
      ("visits.zeroPoints", visits.zeroPoints), ("sky.magnitudes", sky.magnitudes),
    ] where values.count != 1 && values.count != bands.count {
      throw ConfigProblem(
        path: path,
        reason: "a list of \(values.count) is given; it must be one for all bands or one a band (\(bands.count))")
    }
    // The factors are in ranges whose products fit.
    let exposures = visits.count * camera.columns * camera.rows
    guard exposures <= Self.largestExposureCount else {
      throw ConfigProblem(
        path: "visits.count",
        reason: "\(visits.count) visits of \(camera.columns * camera.rows) detectors are \(exposures) exposures; "
          + "there can be \(Self.largestExposureCount)")
    }
    let pixels = camera.width * camera.height
    guard pixels <= Self.largestPixelCount else {
      throw ConfigProblem(
        path: "camera.width", reason: "a detector of \(pixels) pixels is given; it can have \(Self.largestPixelCount)")
    }
    let radius = FocalPlane(camera).halfDiagonal * camera.pixelScale / 3600
    guard radius <= 10 else {
      throw ConfigProblem(
        path: "camera.pixelScale",
        reason: "the focal plane reaches \(radius) degrees from its centre; it may reach 10")
    }
    try validatePSF()
    try validateDensities()
    let side = 7200 * SurveyTracts(self).tractRadius / camera.pixelScale / Double(skyMap.patchInnerDimensions)
    guard side <= 1000 else {
      throw ConfigProblem(
        path: "skyMap.patchInnerDimensions",
        reason: "a tract would have \(side.rounded(.up)) patches a side; it may have 1000")
    }
    do throws(SkyMapError) {
      _ = try SurveyTracts(self).skyMap()
    } catch {
      throw ConfigProblem(path: "skyMap", reason: error.description)
    }
  }

  private func validatePSF() throws(ConfigProblem) {
    let sharpest = psf.seeingMin / camera.pixelScale * (1 - psf.fwhmVariation)
    guard sharpest >= 1.5 else {
      throw ConfigProblem(
        path: "psf.seeingMin",
        reason: "the sharpest PSF has a FWHM of \(sharpest) pixels; pixel centres sample one of at least 1.5")
    }
    let reach = psf.radius * psf.seeingMax / camera.pixelScale
    guard reach <= 150 else {
      throw ConfigProblem(
        path: "psf.radius", reason: "the PSF reaches \(reach) pixels from its centre; it may reach 150")
    }
  }

  private func validateDensities() throws(ConfigProblem) {
    let area = SurveyTracts(self).fieldArea
    for (path, density) in [("stars.density", stars.density), ("galaxies.density", galaxies.density)] {
      let count = density * area * Double(fields.raList.count)
      guard count <= Double(Self.largestObjectCount) else {
        throw ConfigProblem(
          path: path, reason: "about \(count.rounded()) objects are asked for; there can be \(Self.largestObjectCount)")
      }
    }
    for (path, count) in [
      ("variables.count", variables.count), ("transients.count", transients.count),
      ("properMotion.count", properMotion.count), ("solarSystem.count", solarSystem.count),
    ] {
      let all = Double(count) * Double(fields.raList.count)
      guard all <= Double(Self.largestObjectCount) else {
        throw ConfigProblem(
          path: path,
          reason:
            "\(count) in each of \(fields.raList.count) fields are asked for; there can be \(Self.largestObjectCount)")
      }
    }
  }

  /// The value for a band of a list that has one for each, or one for all.
  func value(of list: [Double], band: Int) -> Double { list.count == 1 ? list[0] : list[band] }
}
