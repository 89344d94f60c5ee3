import BackgroundMatching
import Coaddition
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import Testing

@Suite struct SurveyCoaddTests {
  static let survey = Result { try SurveyCoadd(SurveyCoadd.config()) }

  @Test func explore() throws {
    let survey = try Self.survey.get()
    var total: [String: (Double, Int)] = [:]
    for strategy in [TractMatchingConfig.Strategy.reference, .global] {
      let solution = try survey.solve(strategy)
      print(strategy, solution.referenceVisit ?? -1)
      for (v, model) in solution.models.enumerated() {
        var (s, n, lo, hi, worst) = (0.0, 0, Double.infinity, -Double.infinity, 0.0)
        let background = try #require(model.background)
        let refModel = try #require(solution.models[0].background)
        for patch in survey.patches {
          let content = patch.visits[v]
          let surface = try BackgroundModel(background).image(in: patch.info.outerBox)
          let surface0 = try BackgroundModel(refModel).image(in: patch.info.outerBox)
          let inner = patch.info.innerBox
          for y in inner.minY..<inner.endY { for x in inner.minX..<inner.endX {
            let b = content.background[x, y], r = patch.visits[0].background[x, y]
            guard b.isFinite, r.isFinite else { continue }
            // matched v minus matched 0
            let residual = Double(b + surface[x, y] - r - surface0[x, y])
            s += residual * residual; n += 1
            if abs(x - 600) < 380, abs(y - 600) < 380 { total["inner \(strategy)", default: (0, 0)].0 += residual * residual; total["inner \(strategy)", default: (0, 0)].1 += 1 }
            worst = max(worst, abs(residual))
            lo = min(lo, Double(b - r)); hi = max(hi, Double(b - r))
          } }
        }
        total["\(strategy)", default: (0, 0)].0 += s; total["\(strategy)", default: (0, 0)].1 += n
      }
    }
    for (k, t) in total { print("TOTAL", k, (t.0 / Double(t.1)).squareRoot()) }
  }
}
