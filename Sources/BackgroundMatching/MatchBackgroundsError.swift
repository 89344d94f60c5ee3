// SPDX-License-Identifier: GPL-3.0-or-later
// Why backgrounds cannot be matched.

package import Imaging
package import SkyGeometry
internal import TaskFramework

/// Why backgrounds cannot be matched (framework A.12).
package enum MatchBackgroundsError: CategorizedError, Hashable, CustomStringConvertible {
  /// There is nothing to match (category TaskError).
  case noExposures
  /// The dataset type has no name (category TaskError).
  case noDatasetType
  /// An exposure that is to be matched does not exist (category RuntimeError).
  case exposureMissing(dataID: String, datasetType: String)
  /// No exposure can be the reference; says of each why (category RuntimeError).
  case noReference(reasons: [String])
  /// Two lists that go together have different lengths (category RuntimeError).
  case listLengths(exposures: Int, scalers: Int)
  /// The reference is not among the exposures (category ValueError).
  case referenceNotListed(dataID: String)
  /// Two data IDs have values for different things (category KeyError).
  case differentKeys(String, String)
  /// Exposure and reference are not on the same pixels (category RuntimeError).
  case boxesDiffer(science: Box2I, reference: Box2I)
  /// A polynomial needs cells that fit into the image (category ValueError).
  case binTooLarge(binSize: Int, shorterSide: Int)
  /// A polynomial needs more cells than its order (category ValueError).
  case orderTooHigh(order: Int, binSize: Int, cells: Int)
  /// No cell has two pixels that are usable in both exposures (category ValueError).
  case noOverlap
  /// The overlap has too few cells for the order of the polynomial (category ValueError).
  case tooLittleCovered(cells: Int, order: Int, binSize: Int)
  /// The model cannot be made (category RuntimeError).
  case modelFailed(cause: String)
  /// An exposure cannot be scaled as asked for (category ValueError).
  case cannotScale(String)
  /// Its pixels cannot be worked with (category of the cause).
  case imaging(ImagingError)

  package var category: String {
    switch self {
    case .noExposures, .noDatasetType: "TaskError"
    case .exposureMissing, .noReference, .listLengths, .boxesDiffer, .modelFailed: "RuntimeError"
    case .referenceNotListed, .binTooLarge, .orderTooHigh, .noOverlap, .tooLittleCovered, .cannotScale: "ValueError"
    case .differentKeys: "KeyError"
    case .imaging(let error): error.category
    }
  }

  package var description: String {
    switch self {
    case .noExposures: "there are no exposures to match"
    case .noDatasetType: "the dataset type of the exposures has no name"
    case .exposureMissing(let dataID, let datasetType): "\(dataID): there is no \(datasetType)"
    case .noReference(let reasons):
      "no exposure can be the reference" + (reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; "))
    case .listLengths(let exposures, let scalers): "there are \(exposures) exposures and \(scalers) image scalers"
    case .referenceNotListed(let dataID): "the reference, \(dataID), is not among the exposures"
    case .differentKeys(let one, let other): "the data IDs \(one) and \(other) cannot be compared"
    case .boxesDiffer(let science, let reference):
      "the exposure has \(science.width)×\(science.height) pixels \(science), the reference "
        + "\(reference.width)×\(reference.height) \(reference); doCropToOverlap matches what they share"
    case .binTooLarge(let binSize, let side):
      "binSize \(binSize) is larger than the image's shorter side, \(side) pixels"
    case .orderTooHigh(let order, let binSize, let cells):
      "order \(order) needs \(order + 1) cells along each axis, and binSize \(binSize) gives \(cells)"
    case .noOverlap: "no overlap with the reference: no cell has two pixels that are usable in both"
    case .tooLittleCovered(let cells, let order, let binSize):
      "the image covers too little of the reference: \(cells) cells of \(binSize) pixels along an axis, order \(order) needs "
        + "\(order + 1); lower order or binSize"
    case .modelFailed(let cause): "Background/Approximation failed to interp image: \(cause)"
    case .cannotScale(let reason): reason
    case .imaging(let error): error.description
    }
  }
}

/// Lets an error about pixels go on as one about matching.
func withImagingErrors<Value>(
  as translate: (ImagingError) -> MatchBackgroundsError = { .imaging($0) }, _ body: () throws(ImagingError) -> Value
) throws(MatchBackgroundsError) -> Value {
  do throws(ImagingError) {
    return try body()
  } catch {
    throw translate(error)
  }
}
