import Inference
import ModelFile

/// Where a model is computed, as `--device` and `:device` say it.
public enum DeviceChoice: Hashable, Sendable {
  /// This machine's processors.
  case cpu
  /// The device of that number.
  case gpu(Int)

  /// `cpu`, `gpu` for the first one, or `gpu:N`; `nil` for anything else.
  public init?(_ text: String) {
    switch text {
    case "cpu": self = .cpu
    case "gpu": self = .gpu(0)
    default:
      guard text.hasPrefix("gpu:"), let index = Int(text.dropFirst(4)), index >= 0 else {
        return nil
      }
      self = .gpu(index)
    }
  }

  /// `cpu` or `gpu:N`.
  public var name: String {
    switch self {
    case .cpu: "cpu"
    case .gpu(let index): "gpu:\(index)"
    }
  }
}

/// What a device needs besides its number.
public struct DeviceSettings: Sendable {
  /// How fp32 models are computed.
  public var math: DeviceMath
  /// Where built kernels are kept; `nil` for nowhere.
  public var cache: ProgramCache?

  /// Settings for every device of a run.
  public init(math: DeviceMath = .f32, cache: ProgramCache? = nil) {
    self.math = math
    self.cache = cache
  }
}

extension DeviceChoice {
  /// The model on the chosen device; `nil` for the processors.
  ///
  /// - Throws: ``DeviceError``, `Interrupted`.
  package func makeBackend(
    for model: Model, settings: DeviceSettings, interrupt: InterruptFlag? = nil,
    progress: @escaping (_ done: Int, _ total: Int) -> Void
  ) throws -> DeviceBackend? {
    guard case .gpu(let index) = self else { return nil }
    return try DeviceBackend(
      model, on: Device.numbered(index), math: settings.math,
      build: DeviceBackend.Build(cache: settings.cache), interrupt: interrupt, progress: progress)
  }
}

extension Engine {
  /// Computes on the chosen device from now on; see ``use(_:)``.
  ///
  /// - Parameter progress: Told of the bytes uploaded so far, and of all.
  /// - Throws: ``DeviceError``, `Interrupted`; the engine then computes where it did.
  public func use(
    _ choice: DeviceChoice, settings: DeviceSettings, interrupt: InterruptFlag? = nil,
    progress: @escaping (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    use(
      try choice.makeBackend(
        for: model, settings: settings, interrupt: interrupt, progress: progress))
  }
}
