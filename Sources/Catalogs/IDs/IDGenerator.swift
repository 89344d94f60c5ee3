// SPDX-License-Identifier: GPL-3.0-or-later
// The IDs of a catalog's rows.

/// What the IDs of one data ID's catalog are made of (detection-measurement D.2).
///
/// **Model.** A source's ID is `catalogID << counterBits | counter` with `catalogID = packed + 2^maxBits * release`; bit 63 is
/// never set. IDs depend on the data ID alone, never on ranks or order.
package struct IDGenerator: Hashable, Sendable {
  /// The data ID as one number.
  package let packed: Int64
  /// Bits that the packed numbers of all data IDs of this kind fit into.
  package let maxBits: Int
  package let release: Int64
  package let releaseCount: Int64

  /// - Throws: ``CatalogError/invalidID(_:)`` for numbers out of range, or when no bit is left for the counter.
  package init(packed: Int64, maxBits: Int, release: Int64 = 0, releaseCount: Int64 = 64) throws(CatalogError) {
    // The counter takes 1 to 62 bits.
    guard (0...62).contains(maxBits), releaseCount >= 1,
      (1...62).contains(bitLength(releaseCount - 1) + maxBits)
    else {
      throw .invalidID("\(maxBits) bits for data IDs and \(releaseCount) releases leave no bit of 63 for a counter")
    }
    guard packed >= 0, packed < 1 << maxBits else {
      throw .invalidID("the packed data ID \(packed) does not fit into \(maxBits) bits")
    }
    guard (0..<releaseCount).contains(release) else {
      throw .invalidID("release \(release) is not from 0 to \(releaseCount - 1)")
    }
    self.packed = packed
    self.maxBits = maxBits
    self.release = release
    self.releaseCount = releaseCount
  }

  /// - Throws: ``CatalogError/invalidID(_:)``.
  package init(
    _ packer: VisitDetectorPacker, visit: Int64, detector: Int64, release: Int64 = 0, releaseCount: Int64 = 64
  ) throws(CatalogError) {
    try self.init(
      packed: try packer.pack(visit: visit, detector: detector), maxBits: packer.maxBits, release: release,
      releaseCount: releaseCount)
  }

  /// - Throws: ``CatalogError/invalidID(_:)``.
  package init(
    _ packer: SkyMapPacker, tract: Int64, patch: Int64, band: String? = nil, release: Int64 = 0,
    releaseCount: Int64 = 64
  ) throws(CatalogError) {
    try self.init(
      packed: try packer.pack(tract: tract, patch: patch, band: band), maxBits: packer.maxBits, release: release,
      releaseCount: releaseCount)
  }

  package var catalogID: Int64 { packed + release << Int64(maxBits) }
  package var counterBits: Int { 63 - (bitLength(releaseCount - 1) + maxBits) }
  /// What a task's random numbers start from.
  package var seed: Int64 { catalogID }

  /// IDs from counter 1 on.
  package func makeFactory() -> IDFactory {
    // Both were checked to fit at construction.
    IDFactory(uncheckedCatalogID: catalogID, counterBits: counterBits)
  }

  /// IDs for a whole table at once, from counter 0 on.
  ///
  /// - Throws: ``CatalogError/idsExhausted(catalog:count:)``.
  package func ids(count: Int) throws(CatalogError) -> [Int64] {
    guard count >= 0, Int64(count) <= 1 << counterBits else {
      throw .idsExhausted(catalog: catalogID, count: 1 << counterBits)
    }
    let first = catalogID << counterBits
    return (0..<Int64(count)).map { first + $0 }
  }

  /// What an ID of any catalog of this kind is made of.
  ///
  /// - Throws: ``CatalogError/invalidID(_:)`` for a negative number.
  package func unpack(_ id: Int64) throws(CatalogError) -> (packed: Int64, release: Int64, counter: Int64) {
    guard id >= 0 else { throw .invalidID("\(id) is no ID: it is negative") }
    let catalog = id >> counterBits
    let counter = id - catalog << counterBits
    return (catalog % (1 << maxBits), catalog >> maxBits, counter)
  }
}

/// Gives out IDs, one after the other (detection-measurement D.1).
package struct IDFactory: Hashable, Sendable {
  /// `nil` for plain numbers from 1 on.
  private let catalog: (id: Int64, counterBits: Int)?
  private var counter: Int64 = 0

  /// Plain IDs from 1 on.
  package init() { catalog = nil }

  /// IDs of one catalog: `catalogID << reserved | counter`, the counter from 1 on.
  ///
  /// - Throws: ``CatalogError/invalidID(_:)`` when the catalog's ID does not fit into what the counter leaves of 63 bits.
  package init(catalogID: Int64, reserved: Int) throws(CatalogError) {
    guard (1...62).contains(reserved), catalogID >= 0, catalogID <= Int64.max >> Int64(reserved) else {
      throw .invalidID("catalog ID \(catalogID) does not fit beside a counter of \(reserved) bits")
    }
    self.init(uncheckedCatalogID: catalogID, counterBits: reserved)
  }

  init(uncheckedCatalogID id: Int64, counterBits: Int) { catalog = (id, counterBits) }

  /// Bits for the counter beside catalog IDs of so many bits.
  package static func reserved(forMaxBits maxBits: Int) -> Int { 63 - maxBits }

  /// The next ID; when there is none left nothing is consumed.
  ///
  /// - Throws: ``CatalogError/idsExhausted(catalog:count:)``.
  package mutating func next() throws(CatalogError) -> Int64 {
    let limit = catalog.map { Int64(1) << Int64($0.counterBits) - 1 } ?? Int64.max - 1
    guard counter < limit else { throw .idsExhausted(catalog: catalog?.id ?? 0, count: limit) }
    counter += 1
    return catalog.map { $0.id << Int64($0.counterBits) | counter } ?? counter
  }

  /// Goes on after an ID that was given out elsewhere, also backwards.
  ///
  /// - Throws: ``CatalogError/invalidID(_:)`` for an ID of another catalog.
  package mutating func notify(_ id: Int64) throws(CatalogError) {
    guard let catalog else {
      guard id >= 0 else { throw .invalidID("\(id) is no ID: it is negative") }
      counter = id
      return
    }
    guard id >= 0, id >> Int64(catalog.counterBits) == catalog.id else {
      throw .invalidID("\(id) is no ID of catalog \(catalog.id)")
    }
    counter = id - catalog.id << Int64(catalog.counterBits)
  }

  package static func == (a: IDFactory, b: IDFactory) -> Bool {
    a.catalog?.id == b.catalog?.id && a.catalog?.counterBits == b.catalog?.counterBits && a.counter == b.counter
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(catalog?.id)
    hasher.combine(counter)
  }
}

/// The older form of the same: an exposure's ID and how many bits such IDs have (detection-measurement D.1.3).
package struct ExposureIDInfo: Hashable, Sendable {
  package let expID: Int64
  package let expBits: Int
  package let maxBits: Int?

  /// - Throws: ``CatalogError/invalidID(_:)`` for an ID that does not fit its bits.
  package init(expID: Int64 = 0, expBits: Int = 1, maxBits: Int? = nil) throws(CatalogError) {
    guard (1...62).contains(expBits), expID >= 0, bitLength(expID) <= expBits else {
      throw .invalidID("exposure ID \(expID) does not fit into \(expBits) bits")
    }
    if let maxBits, !(expBits + 1...63).contains(maxBits) {
      throw .invalidID("\(expBits) bits for exposure IDs leave no bit of \(maxBits) for a counter")
    }
    self.expID = expID
    self.expBits = expBits
    self.maxBits = maxBits
  }

  /// Bits that are left for a counter.
  package var unusedBits: Int { (maxBits ?? 63) - expBits }

  package func makeSourceIDFactory() -> IDFactory {
    IDFactory(uncheckedCatalogID: expID, counterBits: unusedBits)
  }
}
