// SPDX-License-Identifier: GPL-3.0-or-later
// Templates of sources of any form.

internal import Imaging
internal import SkyGeometry

/// Makes templates of sources that look the same from both sides (detection-measurement A.7.5).
///
/// **Model.** t(c + d) = max(0, min(I(c + d), I(c − d))) about the middle or border of a pixel c; then a median; then each pixel is at most what lies before it on the way
/// from the peak: the least of the template in a cone of slopes ±0.3 over the five square rings within its own.
///
/// **No data.** Where a pixel or its mirror image has none the template is unknown: it does not count for the median, and shades what the pixels before it
/// shade.
///
/// **Cost.** Rings are made one by one, and the work ends where five of them have no light: it goes with the area of the template, not of the family.
struct SymmetricTemplates {
  private let pixels: FamilyPixels
  private let config: CoaddDeblendConfig
  private let radius: Int
  /// The family's values, and for a time what they may be beyond the edge of the data.
  private var values: [Float]
  /// By pixel, of the template in work; 0 between templates.
  private var symmetric: [Float]
  private var shaded: [Float]
  private var window: [Float] = []

  /// - Parameter radius: to what distance a peak's neighbourhood tells what it is symmetric about, px.
  init(_ pixels: FamilyPixels, radius: Int, _ config: CoaddDeblendConfig) {
    self.pixels = pixels
    self.radius = radius
    self.config = config
    values = pixels.values
    symmetric = Array(repeating: 0, count: values.count)
    shaded = symmetric
  }

  /// The template of a peak, continued beyond the edge of the data where that cuts off light.
  ///
  /// - Parameters:
  ///   - peak: from where the template decreases. It is symmetric about that pixel's middle, or a border or corner of it where that fits better.
  ///   - psf: the local PSF, its centre at pixel (0, 0); without it nothing is continued.
  ///   - noise: standard deviation of a pixel; less than three of them are no light.
  mutating func template(
    at peak: Point2I, psf: Image<Double>?, noise: () -> Double
  ) -> (template: Template, isRamped: Bool) {
    let shift = shiftOfMirror(about: peak)
    let plain = template(at: peak, shift, margin: 0)
    guard config.edgeHandling == .ramp, let psf, !pixels.rim.isEmpty, !plain.isZero else { return (plain, false) }
    let edge = values(of: plain, at: pixels.rim)
    guard let brightest = edge.map(\.value).max(), Double(brightest) >= 3 * noise() else { return (plain, false) }
    let filled = fillBeyond(edge, psf)
    guard !filled.isEmpty else { return (plain, false) }
    let ramped = template(at: peak, shift, margin: pixels.margin)
    for i in filled { values[i] = .nan }
    return (ramped, true)
  }

  /// Where the mirror image of the peak is, so that the pixels within a radius are as symmetric as can be: 0, or a pixel from it along either axis.
  private func shiftOfMirror(about peak: Point2I) -> (x: Int, y: Int) {
    guard let middle = pixels.index(peak) else { return (0, 0) }
    let r = radius
    var best = (shift: (x: 0, y: 0), asymmetry: Double.infinity)
    // The peak's own middle comes first, and stays where others are no better.
    for (x, y) in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)] {
      var (sum, count) = (0.0, 0)
      for dy in -r...r {
        for dx in -r...r where dx * dx + dy * dy <= r * r {
          guard let a = pixels.index(Point2I(x: peak.x + dx, y: peak.y + dy)),
            pixels.index(Point2I(x: peak.x + x - dx, y: peak.y + y - dy)) != nil
          else { continue }
          let b = middle + (y - dy) * pixels.width + x - dx
          guard pixels.isInside[a], pixels.isInside[b] else { continue }
          let difference = Double(pixels.values[a]) - Double(pixels.values[b])
          sum += difference * difference
          count += 1
        }
      }
      let asymmetry = count > 0 ? sum / Double(count) : .infinity
      if asymmetry < best.asymmetry { best = ((x, y), asymmetry) }
    }
    return best.shift
  }

  /// What a template has on some pixels; both are in order.
  private func values(of template: Template, at wanted: [Int]) -> [(index: Int, value: Float)] {
    var result: [(index: Int, value: Float)] = []
    var next = 0
    for (index, value) in zip(template.indices, template.values) {
      while next < wanted.count, wanted[next] < index { next += 1 }
      guard next < wanted.count else { break }
      if wanted[next] == index { result.append((index, value)) }
    }
    return result
  }

  /// Gives pixels without data the most that PSFs on the pixels of an edge would make of them.
  ///
  /// - Returns: those pixels.
  private mutating func fillBeyond(_ edge: [(index: Int, value: Float)], _ psf: Image<Double>) -> [Int] {
    guard psf.box.contains(x: 0, y: 0), psf[0, 0] > 0 else { return [] }
    let scale = 1 / psf[0, 0]
    // What is at the edge lies within the grid by the margin.
    let side = Box2I(
      minX: -pixels.margin, minY: -pixels.margin, width: 2 * pixels.margin + 1, height: 2 * pixels.margin + 1)
    let reach = psf.box.intersection(side)
    var filled: [Int] = []
    for (index, value) in edge {
      for dy in reach.minY..<reach.endY {
        let row = psf.row(dy)
        for dx in reach.minX..<reach.endX {
          let target = index + dy * pixels.width + dx
          guard pixels.values[target].isNaN else { continue }
          let light = value * Float(row[dx - psf.box.minX] * scale)
          guard light > 0, light.isFinite else { continue }
          if values[target].isNaN {
            values[target] = light
            filled.append(target)
          } else if light > values[target] {
            values[target] = light
          }
        }
      }
    }
    return filled
  }

  // MARK: - Ring by ring

  /// - Parameter margin: how far beyond the family's box the template may reach.
  private mutating func template(at peak: Point2I, _ shift: (x: Int, y: Int), margin: Int) -> Template {
    let reach = pixels.box.grown(by: margin - pixels.margin)
    guard reach.contains(peak), let middle = pixels.index(peak) else { return Template() }
    let walk = Walk(from: peak, shift, within: reach, middle: middle, width: pixels.width)
    let half = config.medianSmoothTemplate ? config.medianFilterHalfsize : 0
    for r in 0...min(half, walk.end) { reflect(ring: r, walk) }
    var last = 0
    var darkRings = 0
    for r in 0...walk.end {
      last = r
      if r > 0, r + half <= walk.end { reflect(ring: r + half, walk) }
      var hasLight = false
      let cone = Cone(ring: r)
      walk.forEach(ofRing: r) { dx, dy in
        let value = shadedValue(dx, dy, cone, half, walk)
        shaded[middle + dy * walk.width + dx] = value
        hasLight = hasLight || value > 0
      }
      darkRings = hasLight ? 0 : darkRings + 1
      if config.monotonicTemplate, darkRings == Cone.depth { break }
    }
    return collect(walk, reach: min(walk.end, last + half))
  }

  /// The lesser of each pixel of a ring and its mirror image.
  private mutating func reflect(ring r: Int, _ walk: Walk) {
    walk.forEach(ofRing: r) { dx, dy in
      let offset = dy * walk.width + dx
      let (a, b) = (values[walk.middle + offset], values[walk.mirror - offset])
      symmetric[walk.middle + offset] = a.isNaN || b.isNaN ? .nan : max(0, min(a, b))
    }
  }

  private mutating func shadedValue(_ dx: Int, _ dy: Int, _ cone: Cone, _ half: Int, _ walk: Walk) -> Float {
    let limit =
      config.monotonicTemplate ? cone.least(of: shaded, behind: dx, dy, walk) : Float.greatestFiniteMagnitude
    let index = walk.middle + dy * walk.width + dx
    let own = symmetric[index]
    if own.isNaN { return limit }
    guard limit > 0 else { return 0 }
    // Pixels at the margin of a template stay as they are.
    guard half > 0, walk.contains(dx, dy, margin: half) else { return min(limit, own) }
    return median(about: index, half, limit)
  }

  /// The median of what is known about a pixel, or a limit if that is less; of two middle ones the lower.
  private mutating func median(about index: Int, _ half: Int, _ limit: Float) -> Float {
    window.removeAll(keepingCapacity: true)
    var notBelow = 0
    for row in -half...half {
      let start = index + row * pixels.width
      for i in start - half...start + half {
        let value = symmetric[i]
        guard !value.isNaN else { continue }
        window.append(value)
        notBelow += value >= limit ? 1 : 0
      }
    }
    let rank = (window.count - 1) / 2
    if notBelow >= window.count - rank { return limit }
    // Parts the window about one of its values until the part of that rank is that value alone.
    var (low, high) = (0, window.count - 1)
    while low < high {
      let pivot = window[rank]
      var (i, j) = (low, high)
      while i <= j {
        while window[i] < pivot { i += 1 }
        while pivot < window[j] { j -= 1 }
        if i <= j {
          window.swapAt(i, j)
          i += 1
          j -= 1
        }
      }
      if j < rank { low = i }
      if i > rank { high = j }
    }
    return window[rank]
  }

  /// The light of the family's own pixels; leaves everything as it was before.
  private mutating func collect(_ walk: Walk, reach: Int) -> Template {
    var template = Template()
    template.mirrorSum = walk.middle + walk.mirror
    let (rows, columns) = (walk.y.clamped(to: -reach...reach), walk.x.clamped(to: -reach...reach))
    for dy in rows {
      for dx in columns {
        let offset = dy * walk.width + dx
        let (index, mirror) = (walk.middle + offset, walk.mirror - offset)
        let value = shaded[index]
        if value > 0, pixels.isInside[index], !symmetric[index].isNaN,
          pixels.isInside[mirror] || pixels.values[mirror].isNaN
        {
          template.indices.append(index)
          template.values.append(value)
        }
      }
    }
    for dy in rows {
      let start = walk.middle + dy * walk.width
      for dx in columns { (symmetric[start + dx], shaded[start + dx]) = (0, 0) }
    }
    return template
  }
}

/// The square rings about a peak, as far as they and their mirror image are in a box.
private struct Walk {
  /// The peak on the grid, and its mirror image.
  let middle: Int
  let mirror: Int
  /// Of the grid.
  let width: Int
  /// Offsets from the peak, 0 among them.
  let x: ClosedRange<Int>
  let y: ClosedRange<Int>

  init(from peak: Point2I, _ shift: (x: Int, y: Int), within box: Box2I, middle: Int, width: Int) {
    let (alongX, shiftX) = Self.offsets(peak.x, shift.x, box.minX, box.maxX)
    let (alongY, shiftY) = Self.offsets(peak.y, shift.y, box.minY, box.maxY)
    (x, y) = (alongX, alongY)
    (self.middle, mirror, self.width) = (middle, middle + shiftY * width + shiftX, width)
  }

  /// The last ring.
  var end: Int { max(-x.lowerBound, x.upperBound, -y.lowerBound, y.upperBound) }

  func contains(_ dx: Int, _ dy: Int, margin: Int) -> Bool {
    x.lowerBound + margin <= dx && dx <= x.upperBound - margin && y.lowerBound + margin <= dy
      && dy <= y.upperBound - margin
  }

  /// Along one axis the pixels that are in the box with their mirror images, and where that of the peak is.
  private static func offsets(_ peak: Int, _ shift: Int, _ low: Int, _ high: Int) -> (ClosedRange<Int>, Int) {
    let (first, last) = (max(low - peak, peak + shift - high), min(high - peak, peak + shift - low))
    // At the border of the box the peak itself may have no mirror image.
    guard first <= 0, last >= 0 else { return offsets(peak, 0, low, high) }
    return (first...last, shift)
  }

  @inline(__always)
  func forEach(ofRing r: Int, _ body: (_ dx: Int, _ dy: Int) -> Void) {
    guard r > 0 else {
      body(0, 0)
      return
    }
    for dy in [-r, r] where y.contains(dy) { for dx in x.clamped(to: -r...r) { body(dx, dy) } }
    for dx in [-r, r] where x.contains(dx) { for dy in y.clamped(to: 1 - r...r - 1) { body(dx, dy) } }
  }
}

/// Which pixels of the rings within stand before a pixel of a ring.
private struct Cone {
  static let depth = 5
  private static let slope = 0.3
  private let ring: Int

  init(ring: Int) { self.ring = ring }

  /// The least of their values.
  func least(of values: [Float], behind dx: Int, _ dy: Int, _ walk: Walk) -> Float {
    var result = Float.greatestFiniteMagnitude
    guard ring > 0 else { return result }
    let isAlongX = abs(dx) >= abs(dy)
    let (major, minor) = isAlongX ? (dx, dy) : (dy, dx)
    // Steps on the grid: outward, and along the ring.
    let outward = (isAlongX ? 1 : walk.width) * (major < 0 ? -1 : 1)
    let along = isAlongX ? walk.width : 1
    let bounds = isAlongX ? walk.y : walk.x
    for k in 1...min(Self.depth, ring) {
      let inner = ring - k
      let scale = Double(inner) / Double(ring)
      let (center, width) = (Double(minor) * scale, Self.slope * Double(k) * scale)
      let first = max(-inner, bounds.lowerBound, Int((center - width).rounded(.up)))
      let last = min(inner, bounds.upperBound, Int((center + width).rounded(.down)))
      guard first <= last else { continue }
      for i in first...last { result = min(result, values[walk.middle + inner * outward + i * along]) }
    }
    return result
  }
}
