// SPDX-License-Identifier: GPL-3.0-or-later
// What files there are, and what is in them.

package import Catalogs

/// The files of a folder by their relative paths, with size and SHA-256.
package struct Manifest: Hashable, Sendable {
  package private(set) var entries: [String: FileDigest] = [:]

  package init() {}

  package subscript(path: String) -> FileDigest? {
    get { entries[path] }
    set { entries[path] = newValue }
  }

  /// What `sha256sum --check` reads.
  package var checksumText: String {
    entries.keys.sorted().map { "\(entries[$0]?.sha256 ?? "")  \($0)\n" }.joined()
  }

  /// As a table of `path`, `size` and `sha256`, in the order of the paths.
  ///
  /// - Throws: ``CatalogError`` for a path that no table could hold.
  package func catalog() throws(CatalogError) -> Catalog {
    let paths = entries.keys.sorted()
    var schema = Schema()
    let path = try schema.addField(
      "path", .string(length: max(1, paths.map(\.utf8.count).max() ?? 1)), as: String.self,
      doc: "file, relative to the folder")
    let size = try schema.addField("size", as: Int64.self, unit: "byte", doc: "size of the file")
    let sha256 = try schema.addField(
      "sha256", .string(length: 64), as: String.self, doc: "SHA-256 of the file, hexadecimal")
    var catalog = Catalog(schema, rowCount: paths.count)
    for (row, name) in paths.enumerated() {
      guard let entry = entries[name] else { continue }
      catalog[path, row] = name
      catalog[size, row] = Int64(entry.size)
      catalog[sha256, row] = entry.sha256
    }
    return catalog
  }

  /// Reads such a table.
  ///
  /// - Throws: ``CatalogError``: missing columns, paths that lead out of the folder or are there twice, digests that are none.
  package init(_ catalog: Catalog) throws(CatalogError) {
    let paths = try catalog.column("path", as: String.self)
    let sizes = try catalog.column("size", as: Int64.self)
    let digests = try catalog.column("sha256", as: String.self)
    for row in paths.indices {
      guard Self.staysInside(paths[row]), entries[paths[row]] == nil, sizes[row] >= 0,
        digests[row].utf8.count == 64,
        digests[row].utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
      else {
        throw .invalidSchema(
          "row \(row) of the manifest is none: \"\(paths[row])\", \(sizes[row]) bytes, \(digests[row])")
      }
      entries[paths[row]] = FileDigest(size: Int(sizes[row]), sha256: digests[row])
    }
  }

  /// Whether a relative path stays in its folder.
  package static func staysInside(_ path: String) -> Bool {
    !path.isEmpty && !path.hasPrefix("/") && !path.utf8.contains(0)
      && !path.split(separator: "/", omittingEmptySubsequences: false).contains {
        $0 == ".." || $0 == "." || $0.isEmpty
      }
  }
}
