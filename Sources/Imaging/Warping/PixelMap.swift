// SPDX-License-Identifier: GPL-3.0-or-later
// Where the pixels of one image are in another.

package import SkyGeometry

/// A map from the pixels of a destination to those of a source, and back.
package protocol PixelMap: Sendable {
  /// Source positions of destination positions; NaN where there is none.
  func toSource(_ positions: [Point2D]) -> [Point2D]
  /// Destination positions of source positions; NaN where there is none.
  func toDestination(_ positions: [Point2D]) -> [Point2D]
}

/// The map between two images of the same sky.
package struct WCSPixelMap: PixelMap {
  package let destination: SkyWCS
  package let source: SkyWCS

  package init(destination: SkyWCS, source: SkyWCS) {
    self.destination = destination
    self.source = source
  }

  package func toSource(_ positions: [Point2D]) -> [Point2D] { source.skyToPixel(destination.pixelToSky(positions)) }
  package func toDestination(_ positions: [Point2D]) -> [Point2D] {
    destination.skyToPixel(source.pixelToSky(positions))
  }
}

/// A linear map with an offset.
package struct AffinePixelMap: PixelMap {
  private let forward: AffineTransform
  private let backward: AffineTransform

  /// - Parameter toSource: from destination to source.
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a map without an inverse.
  package init(toSource: AffineTransform) throws(ImagingError) {
    guard let inverse = toSource.inverse else { throw .invalidParameter("the pixel map has no inverse") }
    forward = toSource
    backward = inverse
  }

  package func toSource(_ positions: [Point2D]) -> [Point2D] { positions.map { forward($0) } }
  package func toDestination(_ positions: [Point2D]) -> [Point2D] { positions.map { backward($0) } }
}
