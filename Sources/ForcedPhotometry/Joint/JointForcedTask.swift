// SPDX-License-Identifier: GPL-3.0-or-later
// Fluxes of neighbours, all together.

package import Catalogs
package import Imaging
internal import Measurement
internal import SkyGeometry
package import TaskFramework

/// Solves for the fluxes of point sources at known positions, all neighbours together (detection-measurement F.1.9).
///
/// **Model.** d = Σ Fᵢmᵢ with the PSF's image mᵢ at each position, the stamp of `base_PsfFlux`, on all pixels that count: without a plane of
/// `badMaskPlanes`, finite in image and variance, for weights 1/v of positive variance. Stamps that share such a pixel are of one group. With the matrix M
/// of all stamps of a group, weights W (1, or 1/v) and variances V
///
///     F = (MᵀWM)⁻¹MᵀWd,   cov F = (MᵀWM)⁻¹ MᵀWVWM (MᵀWM)⁻¹,
///
/// which for one source is Σmd/Σm² and Σm²v/(Σm²)², those of `base_PsfFlux`. Errors count pixels as independent, as theirs do.
///
/// **Columns** `joint_PsfFlux_…`, sums over the pixels that count under a source's stamp:
/// - `instFlux`, `instFluxErr`;
/// - `fracflux`: Σⱼ≠ᵢ Fⱼ Σwmᵢmⱼ / (|Fᵢ| Σwmᵢ²), what neighbours add to a PSF flux that ignores them, as a part of the flux. (The Tractor divides by Σm
///   instead of Σm², so that its number is this times Σm² and goes with the size of pixels.)
/// - `fracmasked`: 1 − Σ|m| of the pixels that count over Σ|m| of the whole stamp; what lies beyond the image does not count;
/// - `rchisq`: Σ|m|(d − M)²/v over Σ|m|, with all sources in M. What the fit itself takes of it is Σm³/Σm², 0.03 for a FWHM of 4.7 pixels: so much below 1 it is where
///   nothing but noise is left;
/// - `npixels`; `groupSize`, 1 for an isolated source;
/// - `flag` where `fracmasked` is above ½, and with every one of: `flag_edge`, a part of the stamp is beyond the image, the rest is solved for; `flag_noGoodPixels`; `flag_noPsf`;
///   `flag_groupTooLarge`; `flag_singular`; a centroid that is flagged or missing (then it is the first peak).
///
/// **Coincident sources** cannot be told apart: a source of which its neighbours leave less than `minOwnPart` is one with the neighbour that is most like
/// it. Their common flux is solved for with all others, and each has an equal share of it and of its error, `flag_singular` and covariances of the common error.
///
/// **Source.** Lang, Hogg & Mykytyn 2016 (The Tractor); LSST's `base_PsfFlux`.
package final class JointForcedTask: Task {
  package static let defaultName: String? = "jointForced"

  /// A flux from less than so much of its PSF is flagged.
  private static let mostMasked = 0.5

  package let node: TaskNode
  package let config: JointForcedConfig
  private var columns: JointForcedColumns?
  private var schema = Schema()

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Adds the columns.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package func addFields(to schema: inout Schema) throws(CatalogError) {
    columns = try JointForcedColumns(addingTo: &schema)
    self.schema = schema
  }

  /// Solves for the fluxes of some rows at their centroids, and fills their columns; other rows stay as they are, and count as nothing.
  ///
  /// **Metadata.** `sourceCount`, rows that are included; `failureCount`, those without a flux; `groupCount`; `largestGroup`; `singularCount`.
  ///
  /// - Parameter catalog: of the schema of ``addFields(to:)``, or one that continues it.
  /// - Returns: the covariances of rows whose stamps touch.
  /// - Throws: ``Measurement/MeasurementError`` without columns, PSF or centroid slot, or for another schema.
  package func run(
    _ catalog: inout Catalog, on exposure: Exposure, isIncluded: (Int) -> Bool = { _ in true }
  ) throws -> FluxCovariance {
    guard let columns else { throw MeasurementError.notPrepared }
    guard catalog.schema.fields.starts(with: schema.fields) else {
      throw MeasurementError.wrongSchema(schema.differences(from: catalog.schema))
    }
    let slots = MeasurementSlots(catalog.schema)
    guard exposure.psf != nil else { throw MeasurementError.noPSF(plugin: JointForcedColumns.name) }
    guard slots.centroid != nil else {
      throw MeasurementError.noSlot(Slot.centroid.rawValue, plugin: JointForcedColumns.name)
    }
    return try timer("run") { () throws in
      let image = MeasurementImage(exposure, slots: slots)
      let pixels = ForcedPixels(exposure.maskedImage, config)
      let rows = (0..<catalog.rowCount).filter(isIncluded)
      let stamps = rows.compactMap { makeStamp(row: $0, of: &catalog, columns, on: image, pixels) }
        .sorted(by: Self.areInOrder)
      let groups = StampGroup.all(of: stamps.count, stampPairs(stamps, on: pixels))
      var pairs: [FluxCovariance.Pair] = []
      var singularCount = 0
      for group in groups {
        let members = group.members.map { stamps[$0] }
        for member in members { catalog[columns.groupSize, member.row] = Int32(clamping: members.count) }
        guard members.count <= config.maxGroupSize else {
          for member in members { fail(member.row, of: &catalog, columns, columns.groupTooLarge) }
          continue
        }
        let solution = GroupSolution(group, members, tolerance: config.minOwnPart)
        store(solution, of: group, members, in: &catalog, columns, on: pixels)
        singularCount += solution.isSingular.count { $0 }
        for (pair, covariance) in zip(group.pairs, solution.covariances) {
          let (a, b) = (members[pair.first].row, members[pair.second].row)
          pairs.append(FluxCovariance.Pair(first: min(a, b), second: max(a, b), covariance: covariance))
        }
      }
      try metadata.set("sourceCount", rows.count)
      try metadata.set("failureCount", rows.count { catalog[columns.instFlux, $0].isNaN })
      try metadata.set("groupCount", groups.count)
      try metadata.set("largestGroup", groups.map(\.members.count).max() ?? 0)
      try metadata.set("singularCount", singularCount)
      return FluxCovariance(pairs)
    }
  }

  /// By where they begin, whatever their rows; rows decide only between sources at one place.
  private static func areInOrder(_ a: ForcedStamp, _ b: ForcedStamp) -> Bool {
    (a.box.minY, a.box.minX, a.position.y, a.position.x, a.row)
      < (b.box.minY, b.box.minX, b.position.y, b.position.x, b.row)
  }

  /// The stamp of a row, and what is known of it before it is solved for.
  ///
  /// - Returns: `nil` for a row that cannot be, which is flagged.
  private func makeStamp(
    row: Int, of catalog: inout Catalog, _ columns: JointForcedColumns, on image: MeasurementImage,
    _ pixels: ForcedPixels
  ) -> ForcedStamp? {
    guard let position = try? image.safeCentroid(row: row, of: &catalog, flag: columns.flag) else {
      catalog[columns.flag, row] = true
      return nil
    }
    guard let psf = try? image.psfImage(at: position),
      let stamp = ForcedStamp(psf, row: row, position: position, on: pixels)
    else {
      fail(row, of: &catalog, columns, columns.noPsf)
      return nil
    }
    if !pixels.box.contains(psf.box) { fail(row, of: &catalog, columns, columns.edge) }
    catalog[columns.npixels, row] = Int32(clamping: stamp.pixelCount)
    catalog[columns.fracmasked, row] = Float(stamp.maskedFraction)
    if stamp.maskedFraction > Self.mostMasked { catalog[columns.flag, row] = true }
    // A sum of squares that is no normal number is of nothing.
    guard stamp.sums.square.normal >= .leastNormalMagnitude else {
      fail(row, of: &catalog, columns, columns.noGoodPixels)
      return nil
    }
    return stamp
  }

  private func fail(
    _ row: Int, of catalog: inout Catalog, _ columns: JointForcedColumns, _ reason: Key<Bool>
  ) {
    catalog[columns.flag, row] = true
    catalog[reason, row] = true
  }

  /// Fills the columns of a group.
  private func store(
    _ solution: GroupSolution, of group: StampGroup, _ members: [ForcedStamp], in catalog: inout Catalog,
    _ columns: JointForcedColumns, on pixels: ForcedPixels
  ) {
    var others = [[Int]](repeating: [], count: members.count)
    for pair in group.pairs {
      others[pair.first].append(pair.second)
      others[pair.second].append(pair.first)
    }
    for (i, member) in members.enumerated() {
      let (row, flux, error) = (member.row, solution.fluxes[i], solution.variances[i].squareRoot())
      if solution.isSingular[i] { fail(row, of: &catalog, columns, columns.singular) }
      guard flux.isFinite, error.isFinite else {
        catalog[columns.flag, row] = true
        continue
      }
      catalog[columns.instFlux, row] = flux
      catalog[columns.instFluxErr, row] = error
      // By its normal equation, what neighbours give to a source is what its own flux leaves of the right side.
      let alone = member.sums.right / member.sums.square.normal
      catalog[columns.fracflux, row] = flux == 0 ? .nan : Float((alone - flux) / abs(flux))
      catalog[columns.rchisq, row] = Float(pixels.reducedChi2(of: i, others[i], in: members, fluxes: solution.fluxes))
    }
  }
}
