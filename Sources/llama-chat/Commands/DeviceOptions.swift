import ArgumentParser
import Foundation
import Inference
import ModelFile
import OpenCLDevice

extension DeviceChoice: ExpressibleByArgument {
  /// `cpu`, `gpu` or `gpu:N`.
  public init?(argument: String) { self.init(argument) }

  /// The name, for help.
  public var defaultValueDescription: String { name }
}

extension DeviceMath: ExpressibleByArgument {}

/// Where a model is computed.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the model is computed; `llama-chat devices` lists what there is.",
      valueName: "cpu|gpu|gpu:N"))
  var device: DeviceChoice = .cpu

  @Option(
    help: ArgumentHelp(
      """
      How a device computes: f32 with the processors' digits; f16 faster, with last digits of its own: attention in \
      one pass, and fp32 models kept as halves, in half the memory.
      """,
      valueName: "f32|f16"))
  var gpuMath: DeviceMath = .f32

  /// What devices need besides their number.
  var settings: DeviceSettings {
    DeviceSettings(math: gpuMath, cache: ProgramCache(folder: ConvertedModels.folder))
  }

  /// Brings the engine's model to the chosen device, and shows on a terminal how far it is.
  ///
  /// - Throws: `DeviceError`, `Interrupted`.
  func apply(to engine: Engine) throws {
    let shows = Screen.repaintsProgress
    var shown = -1
    defer { if shown >= 0 { writeAll("\r\u{1B}[K", to: STDERR_FILENO) } }
    try engine.use(device, settings: settings, interrupt: interruptFlag) { done, total in
      let percent = done * 100 / max(1, total)
      guard shows, total > 200_000_000, percent != shown else { return }
      shown = percent
      writeAll("\r\(device.name): \(percent)% uploaded", to: STDERR_FILENO)
    }
  }
}
