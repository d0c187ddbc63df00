import Tokenization

/// Writes `tokenizer.json` of the `tokenizers` library for a byte-level vocabulary.
enum TokenizerJSONWriter {
  /// The file's bytes; ``TokenizerJSON`` reads the same vocabulary from them.
  static func write(_ vocabulary: Vocabulary) -> [UInt8] {
    let written = vocabulary.pieces.enumerated().map { id, piece in
      vocabulary.kinds[id] == .normal ? ByteLevelAlphabet.encode(piece) : piece
    }
    var text = Array(#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":["#.utf8)
    let added = vocabulary.kinds.indices.filter { vocabulary.kinds[$0] != .normal }
    text.append(
      joining: added.map { id in
        let isSpecial = vocabulary.kinds[id] != .userDefined
        return Array(#"{"id":\#(id),"content":"#.utf8) + JSONWriter.string(written[id])
          + Array(
            #","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":\#(isSpecial)}"#
              .utf8)
      })
    text += Array(
      """
      ],"normalizer":null,"pre_tokenizer":{"type":"Sequence","pretokenizers":[\
      {"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,\
      "trim_offsets":true,"use_regex":true}]},"post_processor":null,"decoder":{"type":"ByteLevel",\
      "add_prefix_space":true,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE",\
      "dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,\
      "fuse_unk":false,"byte_fallback":false,"vocab":{
      """.utf8)
    text.append(
      joining: written.enumerated().map { id, piece in
        JSONWriter.string(piece) + Array(":\(id)".utf8)
      })
    text += Array("},\"merges\":[".utf8)
    text.append(
      joining: vocabulary.merges.map { left, right in
        JSONWriter.string(written[Int(left)] + [0x20] + written[Int(right)])
      })
    return text + Array("]}}\n".utf8)
  }
}

extension [UInt8] {
  fileprivate mutating func append(joining items: [[UInt8]]) {
    append(contentsOf: items.joined(separator: [0x2C]))
  }
}
