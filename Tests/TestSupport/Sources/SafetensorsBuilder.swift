/// Builds safetensors files in memory, right ones and wrong ones.
package struct SafetensorsBuilder {
  package struct Tensor {
    package var name: String
    package var type = "F32"
    package var shape: [Int]
    package var data: [UInt8]
    /// Written instead of the right offsets.
    package var offsets: (Int, Int)?

    package init(_ name: String, shape: [Int], values: [Float]) {
      self.name = name
      self.shape = shape
      data = values.flatMap { le($0.bitPattern) }
    }
  }

  package var tensors: [Tensor]
  /// Written instead of the right length of the header.
  package var headerLength: UInt64?
  /// Written instead of the header made from ``tensors``.
  package var header: String?
  /// Follows the last tensor.
  package var trailing: [UInt8] = []

  package init(_ tensors: [Tensor]) { self.tensors = tensors }

  /// Changes the tensor of a name.
  package mutating func change(_ name: String, _ body: (inout Tensor) -> Void) {
    for index in tensors.indices where tensors[index].name == name { body(&tensors[index]) }
  }

  /// The same values in another type; they must be exact in it.
  package mutating func store(as type: String) {
    for index in tensors.indices {
      let floats = stride(from: 0, to: tensors[index].data.count, by: 4).map { start in
        tensors[index].data[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      }
      tensors[index].type = type
      tensors[index].data = floats.flatMap { bits in
        type == "F16"
          ? le(PickleBuilder.Tensor.half(Float(bitPattern: bits))) : le(UInt16(bits >> 16))
      }
    }
  }

  /// The file.
  package func bytes() -> [UInt8] {
    var members = [#""__metadata__":{"format":"pt"}"#]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.data.count
      let (first, last) = tensor.offsets ?? (offset, end)
      members.append(
        #""\#(tensor.name)":{"dtype":"\#(tensor.type)","shape":\#(tensor.shape),"#
          + #""data_offsets":[\#(first),\#(last)]}"#)
      offset = end
    }
    let header = Array((self.header ?? "{" + members.joined(separator: ",") + "}").utf8)
    return le(headerLength ?? UInt64(header.count)) + header + tensors.flatMap(\.data) + trailing
  }
}
