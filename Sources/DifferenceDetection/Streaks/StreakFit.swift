// SPDX-License-Identifier: GPL-3.0-or-later
// A line fitted to an image.

internal import Imaging
internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A streak's profile fitted along a line, and whether it is one.
struct StreakFit {
  private(set) var line: ImageLine
  /// Of the profile, px.
  private(set) var scale: Double
  /// χ² over the cells' degrees of freedom.
  private(set) var reducedChi2 = Double.nan
  /// Median height of the parts, counts.
  private(set) var height = Double.nan
  private var heightError = Double.infinity
  private var partCount = 0
  private var goodLength = 0.0
  /// The middle less either side, counts: medians of the parts.
  private var contrasts: (below: Double, above: Double) = (.nan, .nan)
  private let psfSigma: Double
  private let config: MaskStreaksConfig

  /// A scale of the profile has this full width at half maximum; so has a standard deviation of a Gaussian.
  private static let widthPerScale = 1.13048
  private static let widthPerSigma = 2.35482
  /// How far beside the streak pixels are used, in scales of its profile.
  private static let reachInScales = 6.0

  /// Fits a line that is known to some pixels.
  ///
  /// - Parameters:
  ///   - startError: how far off the line may be, px.
  ///   - psfSigma: standard deviation of the PSF, px.
  init(
    _ image: MaskedImage, near start: ImageLine, startError: Double, psfSigma: Double, bad: UInt32,
    _ config: MaskStreaksConfig
  ) {
    (line, self.psfSigma, self.config) = (start, psfSigma, config)
    let smallest = max(Self.widthPerSigma * psfSigma / Self.widthPerScale, 1)
    scale = smallest
    // The first look is wide, the others as wide as the streak needs.
    var reach = max(0.5 * config.maxStreakWidth, Self.reachInScales * smallest) + startError
    for round in 0..<3 {
      let cells = StreakCells(image, along: line, reach: reach, bad: bad)
      guard cells.parts.count >= 3 else { return }
      var model = round == 0 ? Self.firstGuess(cells, smallest, config) : StreakModel(logScale: log(scale))
      let equations = Self.refine(&model, cells, config)
      // What left the strip is no streak of this line.
      guard abs(model.offset) < reach, model.scale < 2 * reach else { return }
      line = model.line(about: line)
      scale = model.scale
      if round == 2 { judge(cells, equations) }
      reach = min(max(Self.reachInScales * scale, 16), max(1.5 * config.maxStreakWidth, reach))
    }
  }

  /// The offset and scale of a grid that fit best, anywhere in the cells: of a wide streak the first line may be an edge.
  private static func firstGuess(_ cells: StreakCells, _ smallest: Double, _ config: MaskStreaksConfig) -> StreakModel {
    var best = (chi2: Double.infinity, model: StreakModel(logScale: log(smallest)))
    var scale = smallest
    repeat {
      let farthest = max(Box2I.pixelIndex(1.5 * cells.reach / scale) ?? 0, 0)
      for step in -farthest...farthest {
        var model = StreakModel(logScale: log(scale))
        model.offset = 0.5 * Double(step) * scale
        let chi2 = model.equations(cells).chi2
        if chi2 < best.chi2 { best = (chi2, model) }
      }
      scale *= 2
    } while scale < 0.5 * config.maxStreakWidth
    return best.model
  }

  /// Gauss and Newton's rounds, each step halved until it helps.
  private static func refine(
    _ model: inout StreakModel, _ cells: StreakCells, _ config: MaskStreaksConfig
  ) -> StreakModel.Equations {
    var equations = model.equations(cells)
    for _ in 0..<config.maxFitIter {
      guard
        let step = try? SymmetricSystem(matrix: equations.matrix, right: equations.right).solve().values
      else { break }
      var factor = 1.0
      var next: (model: StreakModel, equations: StreakModel.Equations)?
      while next == nil, factor > 0.01 {
        var trial = model
        trial.offset += factor * step[0]
        trial.slope += factor * step[1]
        trial.logScale += min(max(factor * step[2], -1), 1)
        let found = trial.equations(cells)
        if found.chi2 < equations.chi2, trial.logScale < 20, trial.logScale > -5 { next = (trial, found) }
        factor *= 0.5
      }
      guard let next else { break }
      let change = equations.chi2 - next.equations.chi2
      (model, equations) = next
      if change < config.dChi2Tolerance { break }
    }
    return equations
  }

  /// What is asked about a line before it is called a streak.
  private mutating func judge(_ cells: StreakCells, _ equations: StreakModel.Equations) {
    let parts = equations.parts.filter { $0.heightError.isFinite && $0.height.isFinite }
    guard parts.count >= 3 else { return }
    partCount = parts.count
    goodLength = cells.goodLength
    let freedom = parts.reduce(0) { $0 + $1.cellCount - 2 } - 3
    reducedChi2 = freedom > 0 ? equations.chi2 / Double(freedom) : .nan
    height = middle(parts.map(\.height))
    // The median's error from those of the parts, with what the profile does not explain as noise, or from their scatter: of a line
    // through some stars a part says nothing about the next.
    let excess = max(1, reducedChi2.isFinite ? reducedChi2 : 1).squareRoot()
    let quartiles = quantiles([0.25, 0.75], of: parts.map { Float($0.height) })
    let scatter = PixelStatistics.sigmaPerIQR * (quartiles[1] - quartiles[0])
    let error = max(excess * middle(parts.map(\.heightError)), scatter)
    heightError = 1.2533 * error / Double(parts.count).squareRoot()
    let scale = scale
    func level(_ part: [StreakCells.Cell], _ isIn: (Double) -> Bool) -> Double {
      var (sum, weight) = (0.0, 0.0)
      for cell in part where isIn(cell.distance) {
        sum += cell.weight * cell.value
        weight += cell.weight
      }
      return sum / weight
    }
    let levels = cells.parts.map { part in
      let own = level(part) { abs($0) <= max(0.5 * scale, 1) }
      return (below: own - level(part) { $0 < -2 * scale }, above: own - level(part) { $0 > 2 * scale })
    }
    contrasts = (middle(levels.map(\.below)), middle(levels.map(\.above)))
  }

  /// The median of the finite ones; NaN of none.
  private func middle(_ values: [Double]) -> Double {
    let sorted = values.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return .nan }
    return 0.5 * (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2])
  }

  /// Whether it is long enough, bright enough along most of its length, and as wide as light can be.
  ///
  /// What is narrower than 0.6 times the PSF is a column of the detector; what stands out of one side only is an edge.
  var isStreak: Bool {
    let width = Self.widthPerScale * scale
    let smaller = min(contrasts.below, contrasts.above)
    return partCount >= 3 && goodLength >= config.minLength && height >= config.minSignificance * heightError
      && width >= 0.6 * Self.widthPerSigma * psfSigma && scale <= config.maxStreakWidth
      && smaller > 0.4 * max(contrasts.below, contrasts.above)
  }

  /// How far from the middle pixels are masked, px.
  var maskHalfWidth: Double { min(config.nSigmaMask * scale, 0.5 * config.maxStreakWidth) }

  var streak: Streak {
    Streak(
      rho: line.rho, theta: line.theta * 180 / .pi, sigma: scale, reducedChi2: reducedChi2, modelMaximum: height)
  }
}
