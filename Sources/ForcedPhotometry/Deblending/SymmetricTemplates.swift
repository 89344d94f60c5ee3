// SPDX-License-Identifier: GPL-3.0-or-later
// Templates of sources of any form.

internal import Imaging
internal import SkyGeometry

/// Makes templates of sources that look the same from both sides (detection-measurement A.7.5).
///
/// **Model.** t(c + d) = max(0, min(I(c + d), I(c − d))) about the peak's pixel c; then a median; then each pixel is at most what lies before it on the way
/// from the peak: the least of the template in a cone of slopes ±0.3 over the five square rings within its own.
///
/// **No data.** Where a pixel or its mirror image has none the template is unknown: it does not count for the median, and shades what the pixels before it
/// shade.
///
/// **Cost.** Rings are made one by one, and the work ends where five of them have no light: it goes with the area of the template, not of the family.
struct SymmetricTemplates {
  private let pixels: FamilyPixels
  private let config: CoaddDeblendConfig
  /// The family's values, and for a time what they may be beyond the edge of the data.
  private var values: [Float]
  /// By pixel, of the template in work; 0 between templates.
  private var symmetric: [Float]
  private var shaded: [Float]
  private var window: [Float] = []

  init(_ pixels: FamilyPixels, _ config: CoaddDeblendConfig) {
    self.pixels = pixels
    self.config = config
    values = pixels.values
    symmetric = Array(repeating: 0, count: values.count)
    shaded = symmetric
  }

  /// The template of a peak, continued beyond the edge of the data where that cuts off light.
  ///
  /// - Parameters:
  ///   - psf: the local PSF, its centre at pixel (0, 0); without it nothing is continued.
  ///   - noise: standard deviation of a pixel; less than three of them are no light.
  mutating func template(
    at center: Point2I, psf: Image<Double>?, noise: () -> Double
  ) -> (template: Template, isRamped: Bool) {
    let plain = template(at: center, margin: 0)
    guard config.edgeHandling == .ramp, let psf, !pixels.rim.isEmpty, !plain.isZero else { return (plain, false) }
    let edge = values(of: plain, at: pixels.rim)
    guard let brightest = edge.map(\.value).max(), Double(brightest) >= 3 * noise() else { return (plain, false) }
    let filled = fillBeyond(edge, psf)
    guard !filled.isEmpty else { return (plain, false) }
    let ramped = template(at: center, margin: pixels.margin)
    for i in filled { values[i] = .nan }
    return (ramped, true)
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
  private mutating func template(at center: Point2I, margin: Int) -> Template {
    let reach = pixels.box.grown(by: margin - pixels.margin)
    guard reach.contains(center), let middle = pixels.index(center) else { return Template() }
    let walk = Walk(
      middle: middle, width: pixels.width, halfX: min(center.x - reach.minX, reach.maxX - center.x),
      halfY: min(center.y - reach.minY, reach.maxY - center.y))
    let half = config.medianSmoothTemplate ? config.medianFilterHalfsize : 0
    let end = max(walk.halfX, walk.halfY)
    for r in 0...min(half, end) { reflect(ring: r, walk) }
    var last = 0
    var darkRings = 0
    for r in 0...end {
      last = r
      if r > 0, r + half <= end { reflect(ring: r + half, walk) }
      var hasLight = false
      let cone = Cone(ring: r)
      walk.forEachHalf(ofRing: r) { dx, dy in
        let value = shadedValue(dx, dy, cone, half, walk)
        let offset = dy * walk.width + dx
        shaded[middle + offset] = value
        // What is symmetric stays so.
        shaded[middle - offset] = value
        hasLight = hasLight || value > 0
      }
      darkRings = hasLight ? 0 : darkRings + 1
      if config.monotonicTemplate, darkRings == Cone.depth { break }
    }
    return collect(walk, reach: min(end, last + half))
  }

  /// The lesser of each pixel of a ring and its mirror image.
  private mutating func reflect(ring r: Int, _ walk: Walk) {
    walk.forEachHalf(ofRing: r) { dx, dy in
      let offset = dy * walk.width + dx
      let (a, b) = (values[walk.middle + offset], values[walk.middle - offset])
      let value = a.isNaN || b.isNaN ? Float.nan : max(0, min(a, b))
      symmetric[walk.middle + offset] = value
      symmetric[walk.middle - offset] = value
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
    guard half > 0, abs(dx) + half <= walk.halfX, abs(dy) + half <= walk.halfY else { return min(limit, own) }
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
    for i in window.indices.dropFirst() {
      let value = window[i]
      var j = i
      while j > 0, window[j - 1] > value {
        window[j] = window[j - 1]
        j -= 1
      }
      window[j] = value
    }
    return window[rank]
  }

  /// The light of the family's own pixels; leaves everything as it was before.
  private mutating func collect(_ walk: Walk, reach: Int) -> Template {
    var template = Template()
    let (rows, columns) = (min(reach, walk.halfY), min(reach, walk.halfX))
    for dy in -rows...rows {
      for dx in -columns...columns {
        let offset = dy * walk.width + dx
        let (index, mirror) = (walk.middle + offset, walk.middle - offset)
        let value = shaded[index]
        if value > 0, pixels.isInside[index], !symmetric[index].isNaN,
          pixels.isInside[mirror] || pixels.values[mirror].isNaN
        {
          template.indices.append(index)
          template.values.append(value)
        }
      }
    }
    for dy in -rows...rows {
      let start = walk.middle + dy * walk.width
      for i in start - columns...start + columns { (symmetric[i], shaded[i]) = (0, 0) }
    }
    return template
  }
}

/// The square rings about a pixel of a grid.
private struct Walk {
  let middle: Int
  /// Of the grid.
  let width: Int
  /// How far they reach to both sides.
  let halfX: Int
  let halfY: Int

  /// The pixels of which the others of the ring are the mirror images.
  @inline(__always)
  func forEachHalf(ofRing r: Int, _ body: (_ dx: Int, _ dy: Int) -> Void) {
    guard r > 0 else {
      body(0, 0)
      return
    }
    if r <= halfX {
      for dy in 0...min(r - 1, halfY) {
        body(r, dy)
        if dy > 0 { body(-r, dy) }
      }
    }
    if r <= halfY { for dx in -min(r, halfX)...min(r, halfX) { body(dx, r) } }
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
    let bound = isAlongX ? walk.halfY : walk.halfX
    for k in 1...min(Self.depth, ring) {
      let inner = ring - k
      let scale = Double(inner) / Double(ring)
      let (center, width) = (Double(minor) * scale, Self.slope * Double(k) * scale)
      let first = max(-min(inner, bound), Int((center - width).rounded(.up)))
      let last = min(min(inner, bound), Int((center + width).rounded(.down)))
      guard first <= last else { continue }
      for i in first...last { result = min(result, values[walk.middle + inner * outward + i * along]) }
    }
    return result
  }
}
