// swift-tools-version: 6.2
// SPDX-License-Identifier: GPL-3.0-or-later

import PackageDescription

// One target a room (docs/rooms.md): the compiler keeps the walls, and an arrow between rooms runs down only.

let environment = Context.environment

/// Swift's SIMD multiply-add is a library call a lane unless the compiler may assume FMA, so the hot code is compiled for
/// x86-64-v3 (2013 and newer); `SKYDIFF_MARCH=native` uses what this machine has and gives a binary for this machine only.
var codeGeneration: [SwiftSetting] {
  #if arch(x86_64)
    [.unsafeFlags(["-Xcc", "-march=\(environment["SKYDIFF_MARCH"] ?? "x86-64-v3")"])]
  #else
    environment["SKYDIFF_MARCH"].map { [.unsafeFlags(["-Xcc", "-mcpu=\($0)"])] } ?? []
  #endif
}

/// `SKYDIFF_STRICT=1`, which continuous integration sets, makes every warning an error.
let strictness: [SwiftSetting] = environment["SKYDIFF_STRICT"] == "1" ? [.treatAllWarnings(as: .error)] : []

/// For code that runs before it is known what the processor can do.
let portable: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
  ] + strictness

let language: [SwiftSetting] = portable + codeGeneration

func library(_ name: String, packageConfig: String, apt: [String]) -> Target {
  .systemLibrary(
    name: name, path: "Sources/CLibraries/\(name)", pkgConfig: packageConfig, providers: [.apt(apt)])
}

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: language)
}

func tests(of name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: "\(name)Tests", dependencies: dependencies + ["TestSupport"], swiftSettings: language)
}

let package = Package(
  name: "skydiff",
  products: [
    .executable(name: "skydiff", targets: ["skydiff"]),
    .executable(name: "skydiff-benchmarks", targets: ["skydiff-benchmarks"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    // Floor 6
    .executableTarget(
      name: "skydiff", dependencies: ["CommandLineInterface", "Pipeline", "CProcessor"], swiftSettings: portable),
    room(
      "CommandLineInterface",
      [
        "Campaign", "Reporting", "Pipeline", "BackgroundMatching", "ImageDifferencing", "DifferenceDetection",
        "ForcedPhotometry", "SolarSystem", "SingleFrame", "SyntheticSurvey", "Repository", "TaskFramework",
        "Catalogs", "Imaging", "SkyGeometry", "HDF5", "MPI", "Scheduling",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Floor 5
    room(
      "Campaign",
      [
        "Reporting", "Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry", "Scheduling", "MPI", "HDF5",
        "Digests",
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ]),

    room(
      "Reporting",
      [
        "TaskFramework", .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "Mustache", package: "swift-mustache"),
      ]),

    // Floor 4
    room(
      "Pipeline",
      [
        "BackgroundMatching", "Coaddition", "ImageDifferencing", "DifferenceDetection", "ForcedPhotometry",
        "SolarSystem", "SingleFrame",
        "Measurement", "Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry", "Digests",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ]),

    room("SyntheticSurvey", ["Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry", "Digests"]),

    // Floor 3
    room(
      "Measurement",
      ["TaskFramework", "Catalogs", "Imaging", "SkyGeometry", .product(name: "Logging", package: "swift-log")]),
    room(
      "SingleFrame",
      [
        "Measurement", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry",
        .product(name: "Logging", package: "swift-log"),
      ]),
    room(
      "BackgroundMatching",
      ["TaskFramework", "Imaging", "SkyGeometry", .product(name: "Logging", package: "swift-log")]),
    room(
      "ImageDifferencing",
      [
        "SingleFrame", "Measurement", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry",
        .product(name: "Logging", package: "swift-log"),
      ]),
    room(
      "DifferenceDetection",
      [
        "Measurement", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry",
        .product(name: "Logging", package: "swift-log"),
      ]),
    room(
      "ForcedPhotometry",
      [
        "SingleFrame", "Measurement", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry",
        .product(name: "Logging", package: "swift-log"),
      ]),
    room(
      "SolarSystem",
      [
        "TaskFramework", "Catalogs", "Imaging", "SkyGeometry", .product(name: "Logging", package: "swift-log"),
        .product(name: "HeapModule", package: "swift-collections"),
      ]),
    room("Coaddition", ["TaskFramework", "Imaging", "SkyGeometry", .product(name: "Logging", package: "swift-log")]),

    // Floor 2
    room(
      "TaskFramework",
      [
        "Catalogs", "Digests", .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"), "Yams",
      ]),
    room(
      "Repository",
      [
        "TaskFramework", "Catalogs", "Imaging", "SkyGeometry", "HDF5", "Digests", "CFITSIO", "CDeflate",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ]),

    // Floor 1
    room("Imaging", ["SkyGeometry", "CFFTW", "CLAPACK", "CMalloc"]),
    room("Catalogs", ["SkyGeometry"]),
    room("SkyGeometry", ["Digests", "CWCS"]),
    room("HDF5", ["CHDF5", "CDeflate"]),
    room("MPI", ["CMPI"]),
    room("Digests", ["CCrypto", "CDeflate"]),
    room("Scheduling", ["Digests", .product(name: "HeapModule", package: "swift-collections")]),

    // Floor 0
    library("CFFTW", packageConfig: "fftw3", apt: ["libfftw3-dev"]),
    library("CLAPACK", packageConfig: "lapacke", apt: ["liblapacke-dev", "libopenblas-dev"]),
    library("CWCS", packageConfig: "wcslib", apt: ["wcslib-dev"]),
    library("CFITSIO", packageConfig: "cfitsio", apt: ["libcfitsio-dev"]),
    .systemLibrary(name: "CMalloc", path: "Sources/CLibraries/CMalloc"),
    .systemLibrary(name: "CProcessor", path: "Sources/CLibraries/CProcessor"),
    library("CCrypto", packageConfig: "libcrypto", apt: ["libssl-dev"]),
    library("CHDF5", packageConfig: "hdf5", apt: ["libhdf5-dev"]),
    library("CMPI", packageConfig: "ompi-c", apt: ["libopenmpi-dev"]),
    library("CDeflate", packageConfig: "libdeflate", apt: ["libdeflate-dev"]),

    // What proves it, and how fast it is
    .target(
      name: "TestSupport", dependencies: ["SkyGeometry", "Imaging"], path: "Tests/TestSupport", swiftSettings: language),
    tests(of: "SkyGeometry", ["SkyGeometry"]),
    tests(of: "Imaging", ["Imaging", "SkyGeometry"]),
    tests(of: "Catalogs", ["Catalogs", "SkyGeometry"]),
    tests(
      of: "TaskFramework",
      [
        "TaskFramework", "Catalogs", .product(name: "Logging", package: "swift-log"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ]),
    tests(
      of: "Repository", ["Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry", "HDF5"]),
    tests(of: "BackgroundMatching", ["BackgroundMatching", "Repository", "TaskFramework", "Imaging", "SkyGeometry"]),
    tests(
      of: "Coaddition",
      [
        "Coaddition", "BackgroundMatching", "SyntheticSurvey", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry",
      ]),
    tests(
      of: "ImageDifferencing",
      [
        "ImageDifferencing", "DifferenceDetection", "BackgroundMatching", "Coaddition", "SyntheticSurvey",
        "Measurement", "Catalogs", "Repository", "TaskFramework",
        "Imaging", "SkyGeometry",
      ]),
    tests(of: "Measurement", ["Measurement", "Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry"]),
    tests(
      of: "DifferenceDetection",
      [
        "DifferenceDetection", "Measurement", "ImageDifferencing", "BackgroundMatching", "Coaddition",
        "SyntheticSurvey", "Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry",
      ]),
    tests(
      of: "ForcedPhotometry",
      [
        "ForcedPhotometry", "Measurement", "BackgroundMatching", "Coaddition", "SyntheticSurvey", "Repository",
        "TaskFramework", "Catalogs", "Imaging", "SkyGeometry",
      ]),
    tests(
      of: "SolarSystem", ["SolarSystem", "SyntheticSurvey", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry"]),
    tests(
      of: "SingleFrame",
      ["SingleFrame", "Measurement", "Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry"]),
    tests(of: "Scheduling", ["Scheduling"]),
    tests(
      of: "Reporting",
      ["Reporting", "TaskFramework", .product(name: "OrderedCollections", package: "swift-collections")]),
    tests(
      of: "CommandLine",
      [
        "skydiff", "skydiff-mock", "MockTasks", "Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry",
        "Digests",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ]),
    tests(
      of: "Campaign",
      [
        "Campaign", "MockTasks", "Reporting", "Repository", "TaskFramework", "Catalogs", "Scheduling", "Imaging",
        "SkyGeometry", "HDF5", "Digests",
      ]),
    tests(
      of: "SyntheticSurvey",
      ["SyntheticSurvey", "Repository", "TaskFramework", "Catalogs", "Imaging", "SkyGeometry"]),
    tests(of: "MPI", ["MPI"]),
    .target(
      name: "MockTasks",
      dependencies: [
        "TaskFramework", "Repository", "Catalogs", "Imaging", "SkyGeometry",
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/MockTasks", swiftSettings: language),
    .executableTarget(
      name: "skydiff-mock", dependencies: ["MockTasks", "CommandLineInterface"], path: "Tests/MockProgram",
      swiftSettings: language),
    .executableTarget(
      name: "skydiff-benchmarks",
      dependencies: [
        "BackgroundMatching", "Coaddition", "ImageDifferencing", "DifferenceDetection", "ForcedPhotometry",
        "SolarSystem", "Measurement",
        "TaskFramework", "Repository", "Catalogs", "Imaging", "SkyGeometry", "Scheduling",
      ],
      path: "Benchmarks", exclude: ["peers.py"],
      swiftSettings: language),
  ]
)
