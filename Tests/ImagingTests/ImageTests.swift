// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

@Suite struct ImageTests {
  private let box = Box2I(minX: 10, minY: -5, width: 6, height: 4)

  @Test func pixelsRowsAndCopies() throws {
    var image = Image<Float>(box: box) { x, y in Float(100 * y + x) }
    #expect(image[12, -3] == -288 && image.sum == image.pixels.reduce(0) { $0 + Double($1) })
    let copy = image
    let row = copy.row(-4)
    #expect(row.count == 6 && row[0] == -390)
    image.withMutableRow(-4) { $0[2] = 7 }
    image[15, -2] = 8
    #expect(image[12, -4] == 7 && image[15, -2] == 8 && copy[12, -4] == -388)
    #expect(image.moved(toX: 0, y: 0)[2, 1] == 7)
    #expect(throws: ImagingError.self) { try Image<Float>(box: self.box, pixels: [1, 2]) }
  }

  @Test func cropAndPasteKeepCoordinates() throws {
    let image = Image<Float>(box: box) { x, y in Float(100 * y + x) }
    let part = image.cropped(to: Box2I(minX: 13, minY: -4, width: 100, height: 2))
    #expect(part.box == Box2I(minX: 13, minY: -4, width: 3, height: 2))
    for y in -4..<(-2) { for x in 13..<16 { #expect(part[x, y] == image[x, y]) } }
    #expect(image.cropped(to: Box2I(minX: 99, minY: 0, width: 3, height: 3)).pixels.isEmpty)
    var target = Image<Float>(box: Box2I(minX: 12, minY: -9, width: 5, height: 6), fill: 0)
    target.paste(image)
    #expect(target[12, -5] == image[12, -5] && target[16, -5] == 0 && target[12, -6] == 0)
  }

  @Test func maskPlanes() throws {
    var planes = MaskPlanes.standard
    #expect(try planes.bitMask("NO_DATA") == 256)
    #expect(try planes.bitMask(["BAD", "SAT"]) == 3)
    #expect(planes.bitMask(ofExisting: ["CR", "NOT_A_PLANE"]) == 8)
    let error = #expect(throws: ImagingError.self) { try planes.bitMask("SATURATED") }
    #expect(error?.description.hasPrefix("there is no mask plane SATURATED; the planes are BAD, SAT") == true)
    #expect(try planes.add("INJECTED") == 1 << 11)
    #expect(try planes.add("INJECTED") == 1 << 11)
    for i in 0..<20 { try planes.add("P\(i)") }
    #expect(throws: ImagingError.tooManyMaskPlanes(name: "ONE_MORE")) { try planes.add("ONE_MORE") }
    #expect(throws: ImagingError.self) { try MaskPlanes(bits: ["A": 32]) }
    #expect(throws: ImagingError.self) { try MaskPlanes(bits: ["A": -1]) }
    #expect(throws: ImagingError.self) { try MaskPlanes(bits: ["A": 3, "B": 3]) }
    #expect(try MaskPlanes(bits: ["A": 31]).bitMask("A") == 0x8000_0000)
  }

  @Test func masksOfOtherFilesAreUnitedByName() throws {
    var ours = Mask(box: box)
    try ours.set("SAT", in: Box2I(minX: 10, minY: -5, width: 1, height: 1))
    var theirs = Mask(box: box, planes: try MaskPlanes(bits: ["SAT": 7, "SPIKE": 0]))
    try theirs.set("SAT", in: Box2I(minX: 11, minY: -5, width: 1, height: 1))
    try theirs.set("SPIKE", in: Box2I(minX: 11, minY: -5, width: 400, height: 1))
    try ours.formUnion(theirs)
    let (saturated, spike) = (try ours.planes.bitMask("SAT"), try ours.planes.bitMask("SPIKE"))
    #expect(saturated == 2 && ours.count(saturated) == 2 && ours.count(spike) == 5)
    #expect(ours[11, -5] == saturated | spike)
    ours.clear(spike)
    #expect(ours.count(spike) == 0 && ours.count(saturated) == 2)
    #expect(throws: ImagingError.self) { try ours.formUnion(Mask(box: Box2I(width: 1, height: 1))) }
  }

  @Test func arithmeticCarriesVarianceAndMask() throws {
    var a = try MaskedImage(
      image: Image(box: box, fill: 5), mask: Mask(box: box), variance: Image(box: box, fill: 2))
    var mask = Mask(box: box)
    try mask.set("BAD", in: Box2I(minX: 10, minY: -5, width: 1, height: 4))
    let b = try MaskedImage(image: Image(box: box, fill: 3), mask: mask, variance: Image(box: box, fill: 1))
    try a.subtract(b)
    #expect(a.image[12, -3] == 2 && a.variance[12, -3] == 3 && a.mask.count(1) == 4)
    try a.add(b)
    #expect(a.image[12, -3] == 5 && a.variance[12, -3] == 4)
    a.scale(by: -2)
    #expect(a.image[12, -3] == -10 && a.variance[12, -3] == 16)
    try a.add(Image(box: box, fill: 1), times: 0.5)
    #expect(a.image[12, -3] == -9.5 && a.variance[12, -3] == 16)
    #expect(throws: ImagingError.self) { try a.add(MaskedImage(box: Box2I(width: 6, height: 4))) }
    let before = a
    #expect(throws: ImagingError.self) {
      try a.update { image, _, _ in image = Image(box: Box2I(width: 1, height: 1), fill: 0) }
    }
    #expect(a == before)
  }

  @Test func photometricCalibration() throws {
    let position = Point2D(x: 3, y: 4)
    let calib = try PhotoCalib(zeroPoint: 27)
    #expect(abs(calib.magnitude(instFlux: 1, at: position) - 27) < 1e-12)
    #expect(abs(calib.magnitude(instFlux: 100, at: position) - 22) < 1e-12)
    #expect(calib.magnitude(instFlux: -1, at: position).isNaN)
    #expect(abs(calib.instFlux(magnitude: 22, at: position) - 100) < 1e-9)
    #expect(abs(calib.magnitudeError(instFlux: 100, instFluxErr: 1) - 0.0108574) < 1e-6)
    let field = try SpatialFunction(SpatialBasis(.polynomial, order: 1), coefficients: [2, 0.1, 0])
    let varying = try PhotoCalib(mean: 2, field: field)
    #expect(abs(varying.nanojansky(instFlux: 10, at: position) - 23) < 1e-12)
    for mean in [0, -1, Double.nan, .infinity] { #expect(throws: ImagingError.self) { try PhotoCalib(mean: mean) } }
    #expect(throws: ImagingError.self) { try PhotoCalib(zeroPoint: 1e6) }
  }

  @Test func spatialFunctions() throws {
    let domain = Box2D(minX: -0.5, minY: 9.5, maxX: 99.5, maxY: 59.5)
    var random = SeededRandom(3)
    for family in [SpatialBasis.Family.polynomial, .chebyshev(domain)] {
      for order in 0...4 {
        let basis = SpatialBasis(family, order: order)
        let function = try SpatialFunction(basis, coefficients: (0..<basis.termCount).map { _ in random.gaussian() })
        let image = function.image(over: Box2I(minX: 5, minY: 12, width: 4, height: 3))
        for y in 12..<15 {
          for x in 5..<9 {
            let direct = function(Point2D(x: Double(x), y: Double(y)))
            #expect(abs(image[x, y] - direct) <= 1e-12 * max(1, abs(direct)))
          }
        }
      }
    }
    // Order of the terms, and the values at a corner of the domain: all 1.
    let terms = SpatialBasis(.polynomial, order: 2).terms(at: Point2D(x: 3, y: 5))
    #expect(terms == [1, 3, 5, 9, 15, 25])
    #expect(SpatialBasis(.chebyshev(domain), order: 3).terms(at: Point2D(x: 99.5, y: 59.5)).allSatisfy { $0 == 1 })
    #expect(throws: ImagingError.self) { try SpatialFunction(SpatialBasis(.polynomial, order: 1), coefficients: [1]) }
  }
}
