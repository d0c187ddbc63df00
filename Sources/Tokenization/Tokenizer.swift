/// Text to token ids and back, on bytes.
public protocol Tokenizer: Sendable {
  /// The vocabulary it uses.
  var vocabulary: Vocabulary { get }

  /// The ids of plain text: never a control token, whatever the text spells; no BOS, no EOS.
  ///
  /// Empty text gives no ids. Each call is a text of its own, with its own dummy prefix where the
  /// vocabulary has one.
  func encode(_ text: some Collection<UInt8>) -> [TokenID]

  /// The bytes a token prints in the middle of a text; control tokens print none.
  func bytes(of token: TokenID) -> [UInt8]
}

extension Tokenizer {
  /// The ids of a string's UTF-8; see ``encode(_:)-(Collection<UInt8>)``.
  public func encode(_ text: String) -> [TokenID] { encode(Array(text.utf8)) }

  /// The control token spelled `name` (`<|im_start|>`, `</s>`), for templates only.
  public func controlToken(named name: String) -> TokenID? {
    let bytes = Array(name.utf8)
    return vocabulary.kinds.indices.first {
      vocabulary.kinds[$0] == .control && vocabulary.pieces[$0] == bytes
    }.map(TokenID.init)
  }
}
