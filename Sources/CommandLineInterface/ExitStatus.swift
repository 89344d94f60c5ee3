// SPDX-License-Identifier: GPL-3.0-or-later
// Exit codes and the errors that lead to them.

internal import ArgumentParser
internal import BackgroundMatching
internal import Campaign
internal import Catalogs
internal import DifferenceDetection
internal import Foundation
internal import HDF5
internal import Imaging
internal import MPI
internal import Pipeline
internal import Reporting
internal import Repository
internal import SkyGeometry
internal import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Exit codes, after sysexits.
enum ExitStatus: Int32 {
  case badData = 65
  case missingInput = 66
  case bug = 70
  case cannotCreate = 73
  case inputOutput = 74
  case configuration = 78

  /// The code of an error.
  init(_ error: any Error) {
    self =
      switch error {
      case is ConfigError, is ConfigProblem, is YAMLError: .configuration
      case let error as TaskConstructionError: if case .invalidConfig = error { .configuration } else { .bug }
      case let error as DetectAndMeasureError: if case .noSuchFlag = error { .configuration } else { .badData }
      case let error as ReadError:
        switch error {
        case .missing, .unreadable: .missingInput
        case .tooLarge, .digestMismatch: .badData
        }
      case let error as FITSError: if case .unreadable = error { .missingInput } else { .badData }
      case let error as RepositoryError: if case .invalid = error { .badData } else { .missingInput }
      case let error as PlanError:
        switch error {
        case .nothingSelected, .missingInput: .missingInput
        case .invalidPipeline, .selfSubtraction: .badData
        }
      case is MPIError: .inputOutput
      case let error as PublishError: if case .cannotCreate = error { .cannotCreate } else { .inputOutput }
      case is HDF5Error, is FormatError, is CSVError, is CatalogError, is IngestError, is ImagingError, is WCSError,
        is SkyMapError, is GeometryError, is DataIDError, is MetadataError, is TaskError, is ConfigurationChange,
        is RecordError, is MatchBackgroundsError, is NamedFailure, is NoWorkFound:
        .badData
      default: .bug
      }
  }
}

extension ParsableCommand {
  /// Runs what a command does; an error becomes one line on stderr and an exit code.
  func reportingErrors(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as ExitCode {
      throw error
    } catch let error as ValidationError {
      throw error
    } catch {
      say("\(error)")
      throw ExitCode(ExitStatus(error).rawValue)
    }
  }

  /// One line on stderr that begins with the command's name.
  func say(_ text: String) {
    // What a file says must not move the cursor of a terminal, nor fill it.
    let line = String(
      text.unicodeScalars.prefix(4000).map { $0.value < 32 || (127..<160).contains($0.value) ? " " : Character($0) })
    try? FileHandle.standardError.write(contentsOf: Data("skydiff \(Self._commandName): \(line)\n".utf8))
  }
}

/// Writes to stdout; a reader that went away is no error.
///
/// - Throws: ``Repository/PublishError`` when it cannot be written to.
func output(_ text: String) throws(PublishError) {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    if count < 0 {
      if errno == EINTR { continue }
      if errno == EPIPE { return }
      throw .failed(path: "standard output", operation: "write", reason: "\(SystemError(code: errno))")
    }
    rest = rest.dropFirst(count)
  }
}
