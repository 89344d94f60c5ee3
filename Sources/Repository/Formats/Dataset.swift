// SPDX-License-Identifier: GPL-3.0-or-later
// What every file of ours has in common.

package import HDF5
package import TaskFramework

/// Something that can be had from a dataset's file.
package protocol DatasetReadable: Sendable {
  /// - Throws: ``HDF5/HDF5Error``, ``FormatError``.
  static func decode(_ bytes: [UInt8], name: String) throws -> Self
}

/// Something that has a file of its own.
package protocol DatasetContent: DatasetReadable {
  /// What the file says that it is: `skydiff exposure`.
  static var formatName: String { get }
  /// Counts changes after which older readers must refuse.
  static var formatVersion: Int { get }
  /// - Throws: ``HDF5/HDF5Error``, ``FormatError``.
  func write(to root: HDF5Group) throws
  /// - Throws: ``HDF5/HDF5Error``, ``FormatError``.
  static func read(from root: HDF5Group) throws -> Self
}

/// A content that an otherwise sound file cannot hold.
package struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
  package let file: String
  package let object: String
  package let reason: String

  package init(file: String, object: String, reason: String) {
    self.file = file
    self.object = object
    self.reason = reason
  }

  package var description: String { "\(file): \(object): \(reason)" }
}

/// A content with what the task that made it found out, and how it was made.
///
/// The file holds nothing that depends on when, where or by which rank it was made: equal datasets are equal bytes.
package struct Dataset<Content: DatasetContent>: Sendable {
  package var content: Content
  /// Values alone; timing never is in a product.
  package var metadata: TaskMetadata
  package var provenance: Provenance

  package init(_ content: Content, metadata: TaskMetadata = TaskMetadata(), provenance: Provenance = Provenance()) {
    self.content = content
    self.metadata = metadata
    self.provenance = provenance
  }

  /// The file, in memory.
  ///
  /// - Parameter name: what errors call it.
  /// - Throws: ``HDF5/HDF5Error``, ``FormatError``.
  package func encode(_ name: String) throws -> [UInt8] {
    try HDF5File.encode(name) { root in
      try root.setAttribute("format", Content.formatName)
      try root.setAttribute("format_version", Content.formatVersion)
      try root.setAttribute("conventions", Self.conventions)
      try content.write(to: root)
      try metadata.write(to: try root.makeGroup("metadata"))
      try provenance.write(to: try root.makeGroup("provenance"))
    }
  }

  private static var conventions: String {
    "Pixel centres are integers; the first pixel of the array is xy0 = (x, y). Arrays have shape (height, width). NaN is no data. "
      + "Angles are degrees, ICRS; fluxes nJy unless a unit says otherwise; times MJD (TAI)."
  }

  /// Reads a file that is in memory.
  ///
  /// - Throws: ``HDF5/HDF5Error``, ``FormatError``.
  package init(decoding bytes: [UInt8], name: String) throws {
    self = try HDF5File.decode(name, bytes) { root in
      try Self.checkFormat(root)
      return Dataset(
        try Content.read(from: root), metadata: try TaskMetadata(reading: try root.group("metadata")),
        provenance: try Provenance(reading: try root.group("provenance")))
    }
  }

  private static func checkFormat(_ root: HDF5Group) throws {
    guard root.hasAttribute("format") else {
      throw FormatError(
        file: root.file, object: "format", reason: "the file does not say what it is, so it is not ours")
    }
    let format = try root.string("format")
    guard format == Content.formatName else {
      throw FormatError(file: root.file, object: "format", reason: "it is a \(format), not a \(Content.formatName)")
    }
    let version = try root.integer("format_version")
    guard version <= Content.formatVersion, version >= 1 else {
      throw FormatError(
        file: root.file, object: "format_version",
        reason: "it is \(version), and this program reads up to \(Content.formatVersion); a newer one may read it")
    }
  }
}

extension Dataset: Equatable where Content: Equatable {}

extension Dataset: DatasetReadable {
  package static func decode(_ bytes: [UInt8], name: String) throws -> Dataset {
    try Dataset(decoding: bytes, name: name)
  }
}

extension DatasetContent {
  package static func decode(_ bytes: [UInt8], name: String) throws -> Self {
    try Dataset<Self>(decoding: bytes, name: name).content
  }
}

/// A dataset's file, for those who read it themselves, in parts.
package struct DatasetFile: Hashable, Sendable {
  package let path: String
  /// What is recorded of it.
  package let digest: FileDigest

  package init(path: String, digest: FileDigest) {
    self.path = path
    self.digest = digest
  }
}

/// What a file of ours says that it is, by its first bytes and attributes; `nil` for another HDF5 file.
///
/// - Throws: ``HDF5/HDF5Error``.
package func formatName(of bytes: [UInt8], name: String) throws -> String? {
  try HDF5File.decode(name, bytes) { root in root.hasAttribute("format") ? try root.string("format") : nil }
}

/// Metadata without anything else.
package struct MetadataOnly: DatasetContent, Equatable {
  package static let formatName = "skydiff metadata"
  package static let formatVersion = 1

  package init() {}
  package func write(to root: HDF5Group) {}
  package static func read(from root: HDF5Group) -> MetadataOnly { MetadataOnly() }
}
