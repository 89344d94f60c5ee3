// SPDX-License-Identifier: GPL-3.0-or-later
// What a convolved image is where the kernel reaches beyond it.

/// What a convolved image is where the kernel reaches beyond it.
struct ConvolutionFrame {
  /// Whether the input is copied there; otherwise there is no data.
  let isCopied: Bool

  init(_ control: ConvolutionControl) { isCopied = control.doCopyEdge }

  /// The plane that marks the frame.
  var maskPlane: String { isCopied ? "EDGE" : "NO_DATA" }

  /// An image that is frame everywhere, to be written over where the kernel fits.
  func applied(to input: MaskedImage) throws(ImagingError) -> MaskedImage {
    var result = input
    let isCopied = isCopied
    let maskPlane = maskPlane
    try result.update { image, mask, variance throws(ImagingError) in
      let edge = try mask.addPlane(maskPlane)
      if isCopied {
        mask.bits = mask.bits.map { $0 | edge }
      } else {
        image = Image(box: input.box, fill: .nan)
        variance = Image(box: input.box, fill: .infinity)
        mask.bits = Image(box: input.box, fill: edge)
      }
    }
    return result
  }
}
