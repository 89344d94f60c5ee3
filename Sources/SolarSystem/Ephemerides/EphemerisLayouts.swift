// SPDX-License-Identifier: GPL-3.0-or-later
// The layouts of tables of ephemerides.

/// Chebyshev series of observer and object, as MPSky gives them (framework B.4).
struct SeriesEphemerides: EphemerisSource {
  private let observer: ChebyshevMotion
  private let object: ChebyshevMotion
  /// Start of each row's time, MJD (TAI).
  private let starts: [Double]
  private let magnitudes: [Double]?
  let timeRange: (first: Double, last: Double)?

  init(_ columns: EphemerisColumns) throws(SolarSystemError) {
    observer = try columns.motion("obs")
    object = try columns.motion("obj")
    starts = try columns.requiredNumbers(["tmin"])
    magnitudes = try columns.numbers(["trailedSourceMagTrue"])
    let ends = try columns.requiredNumbers(["tmax"])
    let (first, last) = (starts.filter(\.isFinite).max(), ends.filter(\.isFinite).min())
    if let first, let last { timeRange = (first, last) } else { timeRange = nil }
  }

  func ephemeris(row: Int, at time: Double) -> ObjectEphemeris {
    let days = time - starts[row]
    var result = ObjectEphemeris(
      object: object.evaluate(row: row, at: days), observer: observer.evaluate(row: row, at: days))
    result.magnitude = magnitudes?[row] ?? .nan
    return result
  }
}

/// Positions, rates and vectors at one time, as Sorcha gives them.
struct StateEphemerides: EphemerisSource {
  private let states: [ObjectEphemeris]
  private let times: [Double]?
  let timeRange: (first: Double, last: Double)?

  /// Straight motion is good to a tenth of an arcsecond for so long, days: the Earth's rotation bends the way of what is as near as one AU by 0.3″ in an hour.
  static let reach = 0.5 / 24

  init(_ columns: EphemerisColumns) throws(SolarSystemError) {
    let (ra, dec) = try columns.sky(["RATrue_deg"], ["DecTrue_deg"])
    let (rateRa, rateDec) = (try columns.numbers(["RARateCosDec_deg_day"]), try columns.numbers(["DecRate_deg_day"]))
    let (phase, magnitude) = (try columns.numbers(["phase_deg"]), try columns.numbers(["trailedSourceMagTrue"]))
    let (range, rangeRate) = (try columns.numbers(["Range_LTC_km"]), try columns.numbers(["RangeRate_LTC_km_s"]))
    let object = try columns.vectors("Obj_Sun_", "_LTC_km")
    let objectVelocity = try columns.vectors("Obj_Sun_v", "_LTC_km_s")
    let observer = try columns.vectors("Obs_Sun_", "_km")
    let observerVelocity = try columns.vectors("Obs_Sun_v", "_km_s")
    states = (0..<columns.rowCount).map { row in
      var state = ObjectEphemeris()
      (state.ra, state.dec) = (ra[row], dec[row])
      if let rateRa, let rateDec { (state.rateRa, state.rateDec) = (rateRa[row], rateDec[row]) }
      state.phaseAngle = phase?[row] ?? .nan
      state.magnitude = magnitude?[row] ?? .nan
      if let rangeRate { state.topoRangeRate = rangeRate[row] }
      if let object {
        state.helio = object[row] / ObjectEphemeris.kilometresPerAU
        state.helioRange = length(state.helio)
        if let observer { state.topo = state.helio - observer[row] / ObjectEphemeris.kilometresPerAU }
      }
      state.topoRange = range.map { $0[row] / ObjectEphemeris.kilometresPerAU } ?? length(state.topo)
      if let objectVelocity {
        state.helioVelocity = objectVelocity[row]
        if let observerVelocity { state.topoVelocity = objectVelocity[row] - observerVelocity[row] }
      }
      return state
    }
    times = try columns.numbers(["fieldMJD_TAI"])
    timeRange = commonRange(times, isMoving: rateRa != nil && rateDec != nil)
  }

  func ephemeris(row: Int, at time: Double) -> ObjectEphemeris {
    times.map { states[row].moved(byDays: time - $0[row]) } ?? states[row]
  }
}

/// Positions as anyone lists them, such as SkyBoT (framework B.3; `Name`, `decl` and what ends in a unit are its columns).
///
/// `ra`, `dec` (degrees, ICRS, as seen from the observer) are at the exposure's midpoint, or at `mjdTAI`. Of the rest — rates, magnitude, distances, phase angle — what is there is used.
struct ListedEphemerides: EphemerisSource {
  private let states: [ObjectEphemeris]
  private let times: [Double]?
  let timeRange: (first: Double, last: Double)?

  init(_ columns: EphemerisColumns) throws(SolarSystemError) {
    let (ra, dec) = try columns.sky(["ra", "ephRa"], ["dec", "decl", "ephDec"])
    // Degrees a day from arcseconds an hour.
    func rate(_ names: [String], inArcsecondsAnHour: String) throws(SolarSystemError) -> [Double]? {
      if let rates = try columns.numbers(names) { return rates }
      return try columns.numbers([inArcsecondsAnHour])?.map { $0 / 150 }
    }
    let rateRa = try rate(["ephRateRa", "RARateCosDec_deg_day"], inArcsecondsAnHour: "dRA_arcsec_h_")
    let rateDec = try rate(["ephRateDec", "DecRate_deg_day"], inArcsecondsAnHour: "dDEC_arcsec_h_")
    let magnitude = try columns.numbers(["ephVmag", "trailedSourceMagTrue", "Mv"])
    let (topoRange, helioRange) = (
      try columns.numbers(["topoRange", "Dg_ua_"], .distance), try columns.numbers(["helioRange", "Dh_ua_"], .distance)
    )
    let phase = try columns.numbers(["phaseAngle", "phase_deg", "Phase_deg_"])
    states = (0..<columns.rowCount).map { row in
      var state = ObjectEphemeris()
      (state.ra, state.dec) = (ra[row], dec[row])
      if let rateRa, let rateDec { (state.rateRa, state.rateDec) = (rateRa[row], rateDec[row]) }
      if let magnitude { state.magnitude = magnitude[row] }
      if let topoRange { state.topoRange = topoRange[row] }
      if let helioRange { state.helioRange = helioRange[row] }
      if let phase { state.phaseAngle = phase[row] }
      return state
    }
    times = try columns.numbers(["mjdTAI", "midpointMjdTai"])
    timeRange = commonRange(times, isMoving: rateRa != nil && rateDec != nil)
  }

  func ephemeris(row: Int, at time: Double) -> ObjectEphemeris {
    times.map { states[row].moved(byDays: time - $0[row]) } ?? states[row]
  }
}

/// The times to which positions at given times can be moved, or without rates be left where they are.
private func commonRange(_ times: [Double]?, isMoving: Bool) -> (first: Double, last: Double)? {
  let known = times?.filter(\.isFinite)
  guard let first = known?.max(), let last = known?.min() else { return nil }
  // Most objects move by less than an arcsecond in a minute.
  let reach = isMoving ? StateEphemerides.reach : 1.0 / 1440
  return (first - reach, last + reach)
}
