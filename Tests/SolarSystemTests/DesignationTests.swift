// SPDX-License-Identifier: GPL-3.0-or-later
// Packed designations against those that the Minor Planet Center documents.

import SolarSystem
import Testing

@Suite struct DesignationTests {
  /// framework B.9: the reference's anchor, and designations that make the way there and back.
  @Test func idsAreTheBytes() throws {
    #expect(try PackedDesignation("K15MK4Q").ssObjectID() == 21_164_728_253_101_137)
    for text in [
      "K15MK4Q", "J95X00A", "J95X01L", "J95F13B", "J98SA8Q", "J98SC7V", "J98SG2S", "K99AJ3Z", "K08Aa0A", "K07Tf8A",
      "PLS2040", "T1S3138", "T2S1010", "T3S4101", "PJ48Q010",
    ] {
      let id = try PackedDesignation(text).ssObjectID()
      #expect(try PackedDesignation(ssObjectID: id).description == text)
    }
  }

  /// The Minor Planet Center's own examples (framework B.9).
  @Test(arguments: [
    ("1995 XA", "J95X00A"), ("1995 XL1", "J95X01L"), ("1995 FB13", "J95F13B"), ("1998 SQ108", "J98SA8Q"),
    ("1998 SV127", "J98SC7V"), ("1998 SS162", "J98SG2S"), ("2099 AZ193", "K99AJ3Z"), ("2008 AA360", "K08Aa0A"),
    ("2007 TA418", "K07Tf8A"), ("2040 P-L", "PLS2040"), ("3138 T-1", "T1S3138"), ("1010 T-2", "T2S1010"),
    ("4101 T-3", "T3S4101"), ("3202", "03202"), ("50000", "50000"), ("100345", "A0345"), ("203289", "K3289"),
    ("360017", "a0017"), ("619999", "z9999"), ("620000", "~0000"), ("620061", "~000z"), ("3140113", "~AZaz"),
    ("15396335", "~zzzz"),
  ])
  func packingIsTheMinorPlanetCenters(readable: String, packed: String) throws {
    #expect(try PackedDesignation(packing: readable).description == packed)
    #expect(try PackedDesignation(packed).readable == readable)
    if readable.contains(" ") { #expect(try PackedDesignation(readable).description == packed) }
  }

  @Test(arguments: [
    "", "0", "15396336", "99999999999999999999", "1995 IA", "1995 XI", "1995 ZA", "1995 X", "1995XA", "1995 XA0",
    "1995 XA01", "1995 XA620", "199 XA", "1995-XA", "1995 XA-1", "12345 P-L", "123 P-L", "2040 T-4", "2040 p-l",
    "１９９５ XA", "-5", "+5", "1e3",
  ])
  func whatIsNoDesignationIsRefused(text: String) {
    #expect(throws: SolarSystemError.self) { try PackedDesignation(packing: text) }
  }

  @Test(arguments: [
    "", "A", "AA", "AAA", "AAAA", "AAAAA", "AAAAAA", "AAAAAAAAA", "AAAAAAAAAA", "ÿÿÿÿÿÿÿÿ", "中文中文中文中", "AAAAAA\u{0}",
  ])
  func whatHasNoIDIsRefused(text: String) throws {
    let designation = try PackedDesignation(text)
    #expect(throws: SolarSystemError.self) { try designation.ssObjectID() }
  }

  @Test(arguments: [Int64.min, -1, 0])
  func idsThatAreNoneAreRefused(id: Int64) {
    #expect(throws: SolarSystemError.self) { try PackedDesignation(ssObjectID: id) }
  }

  @Test(arguments: ["PJ48Q010", "K95X00", "K95I00A", "K9?X00A", "?????"])
  func otherFormsHaveNoReadableOne(packed: String) throws {
    #expect(try PackedDesignation(packed).readable == nil)
  }
}
