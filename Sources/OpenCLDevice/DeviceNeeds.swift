import Inference
import ModelFile

/// What a model and a context take on a device, in bytes.
package struct DeviceNeeds {
  /// Weights, what a pass computes in, and what weights are uploaded by.
  package let model: Int
  /// Keys and values, and what attention over them computes in.
  package let context: Int
  /// The largest of all buffers.
  package let largestPiece: Int

  /// The needs of a context of `capacity` tokens; `nil` when no device could have it.
  package init?(
    of model: Model, on device: Device, _ math: DeviceMath, capacity: Int, type: KVType
  ) {
    guard let layout = KVLayout(config: model.config, capacity: capacity, type: type) else {
      return nil
    }
    let shape = KernelShape(model, on: device, math)
    self.model = Self.modelBytes(model, keepsHalves: shape.keepsHalves)
    context = Self.contextBytes(layout, shape)
    largestPiece = max(
      Self.largestMatrix(model, keepsHalves: shape.keepsHalves), Self.largestPiece(layout, shape))
  }

  /// Whether a device has the memory, and may have buffers that large.
  package func fit(on device: Device) -> Bool {
    largestPiece <= device.largestBuffer && model <= device.memory - min(context, device.memory)
  }

  /// Bytes of a model's weights.
  package static func weightBytes(_ model: Model, keepsHalves: Bool) -> Int {
    model.checkpoint.layout.tensors.reduce(0) { sum, span in
      guard span.role != .ropeTables else { return sum }
      return sum + (keepsHalves && !span.role.isNorm ? span.byteCount / 2 : span.byteCount)
    }
  }

  static func modelBytes(_ model: Model, keepsHalves: Bool) -> Int {
    weightBytes(model, keepsHalves: keepsHalves)
      + DeviceScratch.byteCount(config: model.config, batch: DeviceBackend.mostTokens)
      + (keepsHalves ? WeightUploader.pieceBytes : 0)
  }

  static func contextBytes(_ layout: KVLayout, _ shape: KernelShape) -> Int {
    shape.config.layers * layout.layerBytes + shape.attentionBytes(rows: layout.rows)
  }

  static func largestPiece(_ layout: KVLayout, _ shape: KernelShape) -> Int {
    max(layout.layerBytes, shape.attentionBytes(rows: layout.rows))
  }

  /// Scales have a buffer of their own.
  private static func largestMatrix(_ model: Model, keepsHalves: Bool) -> Int {
    let sizes = model.checkpoint.layout.tensors.filter { $0.role != .ropeTables }
      .map { $0.byteCount - 4 * $0.scaleCount }
    return (sizes.max() ?? 0) / (keepsHalves ? 2 : 1)
  }
}
