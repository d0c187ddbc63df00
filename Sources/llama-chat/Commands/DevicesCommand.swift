import ArgumentParser
import Chat
import Foundation
import Inference
import ModelFile
import OpenCLDevice

/// `llama-chat devices`: what OpenCL finds, and what would fit there.
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "List the devices that --device can name, and what would fit.")

  @Argument(
    help: "A model file: whether it fits.",
    completion: .file(extensions: ModelOptions.endings))
  var model: String?

  func run() throws {
    let devices = try Device.all()
    guard !devices.isEmpty else { throw DeviceError.noDevice(asked: 0, count: 0) }
    let model = try model.map { Model(checkpoint: try Checkpoint(path: $0)) }
    for device in devices {
      try writeResult(visible(description(of: device)) + "\n")
      if let model { try writeResult(visible(fit(of: model, on: device)) + "\n") }
    }
  }

  private func description(of device: Device) -> String {
    let digits =
      device.isExact ? "the processors' very digits" : "last digits of its own"
    return """
      \(device.label)  \(device.name)
             \(device.platform) · driver \(device.driver)
             \(SizeText.bytes(device.memory)) of memory, \(SizeText.bytes(device.largestBuffer)) in one tensor · \
      \(counted(device.computeUnits, "compute unit")) · \(digits)
             room for about \(billions(device, 17.0 / 16)) parameters as int8, \
      \(billions(device, 2)) as halves, \(billions(device, 4)) as fp32
      """
  }

  /// Parameters that fit beside a tenth of the memory for everything else.
  private func billions(_ device: Device, _ bytesEach: Double) -> String {
    String(format: "%.1f billion", Double(device.memory) * 0.9 / bytesEach / 1e9)
  }

  private func fit(of model: Model, on device: Device) -> String {
    let context = min(model.config.contextLength, 2048)
    let type = KVType.automatic(for: model.checkpoint.format)
    func line(_ name: String, _ math: DeviceMath) -> String? {
      let needs = DeviceNeeds(of: model, on: device, math, capacity: context, type: type)
      return needs.map { needs in
        "       \(name): \(SizeText.bytes(needs.model)) and \(SizeText.bytes(needs.context)) for "
          + "\(SizeText.grouped(context)) tokens: \(needs.fit(on: device) ? "fits" : "does not fit")"
      }
    }
    var lines = [line("the model", .f32)]
    if model.checkpoint.format == .v0 || model.checkpoint.format == .v1 {
      lines.append(line("with --gpu-math f16", .f16))
    }
    return lines.compactMap(\.self).joined(separator: "\n")
  }
}
