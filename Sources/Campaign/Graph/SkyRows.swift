// SPDX-License-Identifier: GPL-3.0-or-later
// Which exposure covers which patch.

internal import Repository
internal import SkyGeometry
package import TaskFramework

/// All combinations of exposures and patches that a job is about: what every quantum is a part of.
///
/// One row an exposure and a patch that it covers; one without a patch for an exposure that covers none. After an exposure's own rows
/// those of patches follow that only pixels beyond its edges reach.
package struct SkyRows: Sendable {
  package struct Row: Sendable {
    /// Values of all dimensions; without tract and patch where there is none.
    package let dataID: DataID
    package let isTemplate: Bool
    package let isScience: Bool
    /// How many pixels beyond the exposure's edges the patch is, as far as anybody asked; 0 for one that it covers.
    let margin: Int

    func has(_ role: VisitRole) -> Bool {
      switch role {
      case .all: true
      case .template: isTemplate
      case .science: isScience
      }
    }
  }

  package let rows: [Row]
  /// Exposures that are selected.
  package let exposureCount: Int
  /// What is worth knowing.
  package let warnings: [String]

  /// - Parameters:
  ///   - needsPatches: whether any task is about tracts or patches; else nobody has to know what covers them.
  ///   - margins: how far beyond an exposure's edges tasks look for patches, pixels.
  /// - Throws: ``SkyGeometry/SkyMapError``, ``TaskFramework/DataIDError``.
  init(_ repository: InputRepository, _ job: Job, needsPatches: Bool, margins: Set<Int> = []) throws {
    let skyMap = try repository.settings.makeSkyMap()
    let constants: [Dimension: DimensionValue] = [
      .instrument: .name(repository.settings.instrument.name), .skymap: .name(repository.settings.skyMap.name),
    ]
    let selections = [job.selection] + job.alternatives
    let wantPatches = selections.allSatisfy { $0.values[.tract] != nil || $0.values[.patch] != nil }
    var rows: [Row] = []
    var exposureCount = 0
    var placeless: [String] = []
    for record in repository.visits.records {
      let matching = selections.filter { $0.containsExposure(record) }
      guard !matching.isEmpty else { continue }
      let isTemplate = job.template.map { $0.containsExposure(record) } ?? true
      let isScience = job.allowsSelf || job.template == nil || !isTemplate
      var values = constants
      values[.visit] = .number(record.visit)
      values[.detector] = .number(record.detector)
      values[.band] = .name(record.band)
      func row(_ values: [Dimension: DimensionValue], margin: Int = 0) throws -> Row {
        Row(dataID: try DataID(values), isTemplate: isTemplate, isScience: isScience, margin: margin)
      }
      guard needsPatches || wantPatches else {
        rows.append(try row(values))
        exposureCount += 1
        continue
      }
      let patches = try Self.patches(of: record, skyMap)
      if patches == nil { placeless.append("visit \(record.visit), detector \(record.detector)") }
      var isCounted = false
      var known: Set<PatchInfo> = []
      func add(_ patch: PatchInfo, margin: Int) throws {
        let (tract, index) = (DimensionValue.number(Int64(patch.tract)), DimensionValue.number(Int64(patch.index)))
        guard known.insert(patch).inserted,
          matching.contains(where: { $0.contains(.tract, tract) && $0.contains(.patch, index) })
        else { return }
        values[.tract] = tract
        values[.patch] = index
        rows.append(try row(values, margin: margin))
        isCounted = isCounted || margin == 0
      }
      for patch in patches ?? [] { try add(patch, margin: 0) }
      if !isCounted, !wantPatches {
        rows.append(try row(values))
        isCounted = true
      }
      if isCounted, patches != nil {
        for margin in margins.sorted() where margin > 0 {
          for patch in try Self.patches(of: record, skyMap, margin: margin) ?? [] { try add(patch, margin: margin) }
        }
      }
      if isCounted { exposureCount += 1 }
    }
    self.rows = rows
    self.exposureCount = exposureCount
    var warnings: [String] = []
    if !placeless.isEmpty {
      warnings.append("\(placeless.count) exposures have no usable WCS and cover no patch, such as \(placeless[0])")
    }
    if job.template != nil, !rows.isEmpty, !rows.contains(where: \.isTemplate) {
      warnings.append("template selects none of the selected visits")
    }
    let known = Set(repository.visits.records.map(\.visit))
    for (name, selection) in [("select", job.selection), ("template", job.template ?? Selection())] {
      let missing = selection.values[.visit]?.singleNumbers.filter { !known.contains($0) } ?? []
      if !missing.isEmpty {
        warnings.append(
          "\(name): the repository has no visit \(missing.prefix(10).map { "\($0)" }.joined(separator: ", "))"
            + (missing.count > 10 ? " and \(missing.count - 10) more" : ""))
      }
    }
    self.warnings = warnings
  }

  /// - Returns: `nil` for an exposure whose place on the sky nobody knows.
  private static func patches(
    of record: VisitRecord, _ skyMap: SkyMap, margin: Int = 0
  ) throws(SkyMapError) -> [PatchInfo]? {
    let polygon: SkyPolygon
    do {
      guard let wcs = try record.wcs() else { return nil }
      polygon = try SkyPolygon(box: record.box.grown(by: margin), wcs: wcs)
    } catch {
      return nil
    }
    return try skyMap.overlaps(with: polygon)
  }
}

extension Selection {
  fileprivate func containsExposure(_ record: VisitRecord) -> Bool {
    contains(.visit, .number(record.visit)) && contains(.detector, .number(record.detector))
      && contains(.band, .name(record.band))
  }
}
