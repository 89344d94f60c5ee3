// SPDX-License-Identifier: GPL-3.0-or-later
// A plane of pixels.

package import SkyGeometry

/// A plane of pixels, row by row, in parent coordinates; may be empty.
///
/// A value: a copy is independent and costs nothing until one of the two is changed. Loops over pixels take rows as spans;
/// the two-index subscript is for single pixels.
package struct Image<Pixel: BitwiseCopyable & Sendable>: Sendable {
  package let box: Box2I
  /// Row-major, `box.area` of them.
  package private(set) var pixels: [Pixel]

  /// A plane of one value.
  package init(box: Box2I, fill: Pixel) {
    self.box = box
    pixels = Array(repeating: fill, count: box.area)
  }

  /// A plane of given pixels, row by row.
  ///
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``.
  package init(box: Box2I, pixels: [Pixel]) throws(ImagingError) {
    guard pixels.count == box.area else {
      throw .sizeMismatch(what: "the number of pixels", found: "\(pixels.count)", expected: "\(box.area)")
    }
    self.box = box
    self.pixels = pixels
  }

  /// A plane whose pixels are a function of their position.
  package init(box: Box2I, _ value: (_ x: Int, _ y: Int) throws -> Pixel) rethrows {
    self.box = box
    pixels = []
    pixels.reserveCapacity(box.area)
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX { pixels.append(try value(x, y)) }
    }
  }

  /// A plane that a closure writes through a raw pointer, every pixel exactly once or more.
  init(box: Box2I, initializingWith body: (UnsafeMutablePointer<Pixel>) throws -> Void) rethrows {
    self.box = box
    pixels = try Array(unsafeUninitializedCapacity: box.area) { buffer, count in
      if let base = buffer.baseAddress { try body(base) }
      count = box.area
    }
  }

  package var width: Int { box.width }
  package var height: Int { box.height }

  func offset(_ x: Int, _ y: Int) -> Int {
    precondition(box.contains(x: x, y: y), "pixel outside the image")
    return (y - box.minY) * box.width + (x - box.minX)
  }

  /// A pixel in parent coordinates.
  ///
  /// - Precondition: the pixel is in ``box``.
  package subscript(x: Int, y: Int) -> Pixel {
    get { pixels[offset(x, y)] }
    set { pixels[offset(x, y)] = newValue }
  }

  /// A row, from column `box.minX` on.
  ///
  /// - Precondition: `y` is a row of ``box``.
  @_lifetime(borrow self)
  package func row(_ y: Int) -> Span<Pixel> {
    precondition(y >= box.minY && y < box.endY, "row outside the image")
    let start = (y - box.minY) * box.width
    return pixels.span.extracting(start..<start + box.width)
  }

  /// Lets a closure change a row, from column `box.minX` on.
  package mutating func withMutableRow<Result, Failure: Error>(
    _ y: Int, _ body: (inout MutableSpan<Pixel>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(y >= box.minY && y < box.endY, "row outside the image")
    let width = box.width
    let start = (y - box.minY) * width
    var all = pixels.mutableSpan
    var row = all._mutatingExtracting(start..<start + width)
    return try body(&row)
  }

  /// Lets a closure read all pixels, row by row, through a pointer.
  func withUnsafePixels<Result>(_ body: (UnsafePointer<Pixel>) throws -> Result) rethrows -> Result? {
    try pixels.withUnsafeBufferPointer { buffer in try buffer.baseAddress.map(body) }
  }

  /// Lets a closure change all pixels, row by row, through a pointer.
  mutating func withUnsafeMutablePixels<Result>(
    _ body: (UnsafeMutablePointer<Pixel>) throws -> Result
  ) rethrows -> Result? {
    try pixels.withUnsafeMutableBufferPointer { buffer in try buffer.baseAddress.map(body) }
  }

  /// The part of the image in a box; what of the box lies outside the image is left out.
  package func cropped(to part: Box2I) -> Image {
    let common = box.intersection(part)
    if common == box { return self }
    guard !common.isEmpty else { return Image(box: common, known: []) }
    var result: [Pixel] = []
    result.reserveCapacity(common.area)
    for y in common.minY..<common.endY {
      let start = (y - box.minY) * box.width + common.minX - box.minX
      result.append(contentsOf: pixels[start..<start + common.width])
    }
    return Image(box: common, known: result)
  }

  /// Writes another image over this one where they overlap.
  package mutating func paste(_ other: Image) {
    let common = box.intersection(other.box)
    guard !common.isEmpty else { return }
    for y in common.minY..<common.endY {
      let target = (y - box.minY) * box.width + common.minX - box.minX
      let source = (y - other.box.minY) * other.box.width + common.minX - other.box.minX
      pixels.replaceSubrange(target..<target + common.width, with: other.pixels[source..<source + common.width])
    }
  }

  /// The image with other coordinates: the first pixel becomes (`minX`, `minY`).
  package func moved(toX minX: Int, y minY: Int) -> Image {
    Image(box: Box2I(minX: minX, minY: minY, width: box.width, height: box.height), known: pixels)
  }

  /// The image with every pixel replaced.
  package func map<Other: BitwiseCopyable & Sendable>(_ transform: (Pixel) -> Other) -> Image<Other> {
    Image<Other>(box: box, known: pixels.map(transform))
  }

  /// For callers that made the pixels to the box's size.
  private init(box: Box2I, known pixels: [Pixel]) {
    self.box = box
    self.pixels = pixels
  }
}

extension Image: Equatable where Pixel: Equatable {}
extension Image: Hashable where Pixel: Hashable {}

extension Image where Pixel: BinaryFloatingPoint {
  /// The sum of all pixels in float64, row by row.
  package var sum: Double { pixels.reduce(0) { $0 + Double($1) } }
}

extension Image: CustomStringConvertible {
  /// Type and box; the pixels would fill pages.
  package var description: String { "Image<\(Pixel.self)> \(box)" }
}
