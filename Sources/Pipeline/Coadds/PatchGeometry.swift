// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels that a quantum is about.

internal import SkyGeometry
internal import TaskFramework

/// The tract and patch of a quantum.
struct PatchGeometry {
  let tract: TractInfo
  let patch: PatchInfo

  /// - Throws: ``SkyGeometry/SkyMapError``, and what reading the sky map throws.
  init(_ context: any QuantumContext) throws {
    tract = try tractInfo(context)
    patch = try tract.patch(try number(.patch, context))
  }
}

/// The tract of a quantum.
///
/// - Throws: ``SkyGeometry/SkyMapError``, and what reading the sky map throws.
func tractInfo(_ context: any QuantumContext) throws -> TractInfo {
  let skyMap: SkyMap = try context.get("skyMap")
  return try skyMap.tract(try number(.tract, context))
}

private func number(_ dimension: Dimension, _ context: any QuantumContext) throws -> Int {
  guard let value = context.quantum.dataID.number(dimension).flatMap(Int.init(exactly:)) else {
    throw TaskError("\(context.quantum.dataID) has no \(dimension.rawValue)")
  }
  return value
}

extension DatasetRef {
  /// The number of its visit.
  ///
  /// - Throws: ``TaskFramework/TaskError`` for a dataset that is of no visit.
  func visit() throws -> Int64 {
    guard let visit = dataID.number(.visit) else { throw TaskError("\(self) is of no visit") }
    return visit
  }
}

extension Connection {
  /// The survey's division of the sky.
  static func skyMap() -> Connection {
    Connection("skyMap", .prerequisiteInput, "skyMap", .skyMap, dimensions: [.skymap], doc: "tracts and patches")
  }
}
