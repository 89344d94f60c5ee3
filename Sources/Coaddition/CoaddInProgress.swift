// SPDX-License-Identifier: GPL-3.0-or-later
// A coadd while it is made.

internal import Imaging
internal import SkyGeometry
internal import TaskFramework

/// A coadd while it is made.
struct CoaddInProgress {
  let selection: CoaddSelection
  /// For each member.
  let weights: [Double]
  let tolerances: [Double]
  private(set) var image: Image<Float>
  private(set) var variance: Image<Float>
  private(set) var bits: Image<UInt32>
  private(set) var inputCount: Image<UInt16>
  private(set) var clippedCount = 0

  init(_ selection: CoaddSelection, _ warps: [WarpedVisit], box: Box2I, medianFraction: Double) throws {
    self.selection = selection
    let members = selection.members.map { warps[$0] }
    let inverse = members.map { 1 / $0.meanVariance }
    let sum = inverse.reduce(0, +)
    weights = inverse.map { $0 / sum }
    tolerances = Self.tolerances(of: members, medianFraction)
    image = Image(box: box, fill: .nan)
    variance = Image(box: box, fill: .infinity)
    bits = Image(box: box, fill: 0)
    inputCount = Image(box: box, fill: 0)
  }

  /// By what fraction of the local median each visit may differ from it.
  ///
  /// A star's centre differs between visits as their PSFs' peaks do, so that is added to what is allowed to all.
  private static func tolerances(of warps: [WarpedVisit], _ fraction: Double) -> [Double] {
    let peaks = warps.map { warp in
      warp.psf.flatMap { psf in try? psf.kernelImage(at: psf.averagePosition).pixels.max() } ?? .nan
    }
    let known = peaks.filter(\.isFinite).map { Float($0) }
    guard let median = sortedQuantiles([0.5], of: known).first, median > 0 else {
      return warps.map { _ in fraction }
    }
    return peaks.map { $0.isFinite ? fraction + abs($0 / median - 1) : fraction }
  }

  /// Combines some rows.
  mutating func add(_ images: [MaskedImage], rows: Range<Int>, _ control: StackControl) throws {
    let inputs = selection.members.enumerated().map { place, member in
      StackInput(images[member], weight: weights[place], tolerance: tolerances[place])
    }
    let part = try stack(inputs, rows: rows, control)
    image.paste(part.image.image)
    variance.paste(part.image.variance)
    bits.paste(part.image.mask.bits)
    inputCount.paste(part.inputCount)
    clippedCount += part.clippedCount
  }
}
