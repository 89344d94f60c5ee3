// SPDX-License-Identifier: GPL-3.0-or-later
// How much of the sources is left in a difference.

package import Catalogs
package import Imaging
internal import SkyGeometry

/// How much of the sources is left in a difference: the mean of |D| over the footprint of each, less what the sky leaves, over the mean
/// of |I| (differencing A17).
package struct FootprintRatio: Sendable {
  /// Mean and population standard deviation over the sources; NaN when none counts.
  package let mean: Double
  package let standardDeviation: Double

  /// - Parameters:
  ///   - sky: what |D| is where there is nothing; 0 for the ratio of sky sources themselves.
  ///   - science: the image that the ratio refers to.
  package init(_ footprints: [SpanSet], difference: Image<Float>, science: Image<Float>, sky: Double) {
    let ratios = footprints.compactMap { spans -> Double? in
      guard let own = difference.meanAbsolute(over: spans), let other = science.meanAbsolute(over: spans), other > 0
      else { return nil }
      return abs((own - sky) / other)
    }
    let count = Double(ratios.count)
    mean = ratios.reduce(0, +) / count
    let center = mean
    standardDeviation = (ratios.reduce(0) { $0 + ($1 - center) * ($1 - center) } / count).squareRoot()
  }
}

extension Image<Float> {
  /// The mean of the absolute values of the finite pixels of a region, as far as it lies in the image; `nil` when there are none.
  package func meanAbsolute(over spans: SpanSet) -> Double? {
    var (sum, count) = (0.0, 0)
    for span in spans.clipped(to: box).spans {
      let row = row(span.y)
      for i in span.x0 - box.minX..<span.x1 - box.minX + 1 where row[i].isFinite {
        sum += Double(abs(row[i]))
        count += 1
      }
    }
    return count > 0 ? sum / Double(count) : nil
  }
}
