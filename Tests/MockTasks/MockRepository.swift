// SPDX-License-Identifier: GPL-3.0-or-later
// A repository of small exposures.

import Imaging
import Repository
import SkyGeometry
import TaskFramework

/// Makes a repository of small exposures side by side on one tract of nine patches, in two bands by turns.
///
/// - Parameters:
///   - visits: from 100 on.
///   - offset: added to all pixels.
///   - hasFiles: else the exposures are in the record alone, for jobs that do not read them.
package func makeMockRepository(_ path: String, visits: Int, detectors: Int, offset: Int = 0, hasFiles: Bool = true)
  throws
{
  var config = RepositoryConfig()
  var instrument = InstrumentConfig()
  instrument.name = "mockcam"
  instrument.bands = ["g", "r"]
  config.instrument = instrument
  try config.set("skyMap.name", to: .string("discrete"))
  try config.set("skyMap.discrete.raList", to: .list([.number(10)]))
  try config.set("skyMap.discrete.decList", to: .list([.number(0)]))
  try config.set("skyMap.discrete.radiusList", to: .list([.number(0.01)]))
  try config.set("skyMap.discrete.patchInnerDimensions", to: .integer(108))
  try config.set("skyMap.discrete.patchBorder", to: .integer(0))
  var repository = try InputRepository.create(path, config)
  let side = 16
  let box = try Box2I(checkingMinX: 0, minY: 0, width: side, height: side)
  for visit in 0..<visits {
    for detector in 0..<detectors {
      // A detector covers one patch, or two where it lies on an edge.
      let center = SpherePoint(
        raDegrees: 10 + (Double(detector % 4) - 1.5) * 0.004, decDegrees: (Double(visit % 2) - 0.5) * 0.004)
      let scale = 0.333 / 3600
      let wcs = try SkyWCS(
        projection: "TAN", referencePixel: Point2D(x: 7.5, y: 7.5), reference: center,
        cd: AffineTransform(xx: -scale, xy: 0, yx: 0, yy: scale))
      var exposure = try Exposure(
        MaskedImage(
          image: Image<Float>(box: box, fill: Float(visit * 100 + detector + offset)), mask: Mask(box: box),
          variance: Image<Float>(box: box, fill: 1)))
      exposure.wcs = wcs
      let band = visit % 2 == 0 ? "g" : "r"
      if hasFiles {
        try repository.add(Dataset(exposure), visit: Int64(100 + visit), detector: Int64(detector), band: band)
      } else {
        repository.addRecord(exposure, visit: Int64(100 + visit), detector: Int64(detector), band: band)
      }
    }
  }
  try repository.commit()
}
