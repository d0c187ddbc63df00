// swift-tools-version: 6.1
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "llama-chat",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "llama-chat", targets: ["llama-chat"]),
    // For tests: a driver that breaks.
    .library(name: "FailingOpenCL", type: .dynamic, targets: ["FailingOpenCL"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // MARK: - C: leaf kernels and the line editor
    .target(name: "CKernels"),
    .systemLibrary(
      name: "CEditLine", pkgConfig: "libedit",
      providers: [.apt(["libedit-dev"]), .brew(["libedit"])]),

    // OpenCL's types and functions, looked up at run time.
    .target(name: "COpenCL"),

    // MARK: - Libraries, in the order data flows through them
    .target(name: "ModelFile", swiftSettings: swiftSettings),
    .target(name: "Tokenization", dependencies: ["ModelFile"], swiftSettings: swiftSettings),
    .target(
      name: "Inference", dependencies: ["CKernels", "ModelFile", "Tokenization"],
      swiftSettings: swiftSettings),
    .target(
      name: "OpenCLDevice", dependencies: ["COpenCL", "Inference", "ModelFile", "Tokenization"],
      // The program carries its kernels, so that installing it is copying it.
      resources: [.embedInCode("Kernels")], swiftSettings: swiftSettings),
    .target(
      name: "Chat",
      dependencies: [
        "Inference", "OpenCLDevice", "Tokenization", "ModelFile",
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "Conversion", dependencies: ["ModelFile", "Tokenization"],
      swiftSettings: swiftSettings),

    // MARK: - The program
    .executableTarget(
      name: "llama-chat",
      dependencies: [
        "CEditLine", "Chat", "Conversion", "Inference", "ModelFile", "OpenCLDevice", "Tokenization",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),

    // MARK: - Tests, one target per module
    .target(
      name: "TestSupport", dependencies: ["ModelFile", "Tokenization"], path: "Tests/TestSupport",
      swiftSettings: swiftSettings),
    .testTarget(
      name: "KernelTests", dependencies: ["CKernels", "TestSupport"], swiftSettings: swiftSettings),
    .testTarget(
      name: "ModelFileTests", dependencies: ["ModelFile", "TestSupport"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "TokenizationTests", dependencies: ["Tokenization", "TestSupport"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "InferenceTests",
      dependencies: ["CKernels", "Inference", "ModelFile", "Tokenization", "TestSupport"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "OpenCLDeviceTests",
      dependencies: [
        "COpenCL", "Inference", "ModelFile", "OpenCLDevice", "Tokenization", "TestSupport",
      ],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "ChatTests", dependencies: ["Chat", "TestSupport"], swiftSettings: swiftSettings),
    .testTarget(
      name: "ConversionTests", dependencies: ["Conversion", "TestSupport"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "EndToEndTests", dependencies: ["llama-chat", "TestSupport"],
      swiftSettings: swiftSettings),
    .target(name: "FailingOpenCL", dependencies: ["COpenCL"], path: "Tests/FailingOpenCL"),
    // Started by tests, to say what memory the program takes.
    .executableTarget(name: "peak-memory", path: "Tests/PeakMemory"),
  ],
  swiftLanguageModes: [.v6]
)
