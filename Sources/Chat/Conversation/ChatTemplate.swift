import Inference
import ModelFile
import Tokenization

/// A question and its answer, as text.
public struct Turn: Hashable, Sendable {
  /// What the user wrote.
  public var question: String
  /// What the model answered; the part that was generated when the reply was cut.
  public var answer: String {
    didSet { if answer != oldValue { (reply, record) = (nil, nil) } }
  }
  /// The answer token by token; `nil` when the model did not write it, as after an edit.
  public var reply: Reply?
  /// How the answer was drawn; `nil` when that is not known, as after an edit.
  public internal(set) var record: ReplyRecord?

  /// A completed turn.
  public init(question: String, answer: String, reply: Reply? = nil, record: ReplyRecord? = nil) {
    self.question = question
    self.answer = answer
    self.reply = reply ?? record.map { Reply(tokens: $0.tokens, ending: $0.ending) }
    self.record = record
  }
}

/// Turns of a chat as the token ids a model was trained on.
///
/// A template first lays a chat out as ``Part``s, control tokens and stretches of text, then encodes
/// each stretch by itself. Text never yields a control token, so nothing a user writes can end a turn.
///
/// Sources: Meta's `generation.py` for Llama-2 (BOS and EOS on every turn, the system prompt inside the
/// first question, Python's `str.strip`); the chat template of SmolLM2-Instruct for ChatML.
public struct ChatTemplate: Sendable {
  /// A piece of a laid-out chat.
  public enum Part: Hashable, Sendable {
    /// A token only a template may write.
    case control(TokenID)
    /// Plain text, encoded as one text of its own.
    case text(String)
  }

  /// What Meta's reference refuses in a message: plain text to the tokenizer, but the words that frame
  /// every Llama-2 turn.
  public static let llama2ControlTags = ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"]

  /// The format of turns.
  public let kind: TemplateKind
  /// The model's tokenizer.
  public let tokenizer: any Tokenizer
  /// The ids that end a reply.
  public let stopTokens: Set<TokenID>

  /// What the model is told when no system prompt is given; `nil` when nothing is.
  ///
  /// An empty system prompt given on purpose is an empty system turn instead.
  public let defaultSystem: String?
  /// What begins a text; `nil` when the model wants none.
  private let bos: TokenID?
  /// What begins and ends a turn.
  private let turnStart: TokenID
  private let turnEnd: TokenID

  /// Prepares a template for a model's vocabulary.
  ///
  /// - Throws: ``ChatError/missingControlToken(name:template:)`` when ChatML is asked of a vocabulary
  ///   without its markers.
  public init(kind: TemplateKind, tokenizer: any Tokenizer, metadata: ModelMetadata) throws {
    self.kind = kind
    self.tokenizer = tokenizer
    defaultSystem = kind == .chatML && metadata.hasDefaultSystem ? ModelMetadata.defaultSystem : nil
    let vocabulary = tokenizer.vocabulary
    var stops: Set<TokenID> = [vocabulary.eos]
    if let endOfTurn = metadata.endOfTurn { stops.insert(endOfTurn) }
    switch kind {
    case .none:
      bos = metadata.addsBOS ? vocabulary.bos : nil
      turnStart = vocabulary.bos
      turnEnd = vocabulary.eos
      // Story models separate their texts by BOS alone; llama2.c's `run` stops there too.
      stops.insert(vocabulary.bos)
    case .llama2:
      bos = vocabulary.bos
      turnStart = vocabulary.bos
      turnEnd = vocabulary.eos
    case .chatML:
      turnStart = try Self.marker("<|im_start|>", in: tokenizer)
      turnEnd = try Self.marker("<|im_end|>", in: tokenizer)
      // SmolLM2's BOS is the marker itself and is not written twice.
      bos = metadata.addsBOS && vocabulary.bos != turnStart ? vocabulary.bos : nil
      stops.insert(turnEnd)
      if let endOfText = tokenizer.controlToken(named: "<|endoftext|>") { stops.insert(endOfText) }
    }
    stopTokens = stops
  }

  private static func marker(_ name: String, in tokenizer: any Tokenizer) throws -> TokenID {
    guard let id = tokenizer.controlToken(named: name) else {
      throw ChatError.missingControlToken(name: name, template: "chatml")
    }
    return id
  }

  /// The template a model was made for: what its file says, else a guess.
  ///
  /// llama2.c's files do not say. A vocabulary with ChatML's markers means ChatML; one of Llama-2's
  /// 32,000 pieces in a model as wide as a chat model (2,048 and up: the story models stop at 512) means
  /// Llama-2; anything else is a base model.
  public static func kind(for model: Model, vocabulary: Vocabulary) -> TemplateKind {
    if let kind = model.metadata.template { return kind }
    switch vocabulary.kind {
    case .byteLevel:
      let marker = Array("<|im_start|>".utf8)
      return vocabulary.pieces.contains(marker) ? .chatML : .none
    case .sentencePiece:
      return vocabulary.count >= 32_000 && model.config.dim >= 2048 ? .llama2 : .none
    }
  }

  /// Whether a reply's first space belongs to the template and not to the reply.
  public var stripsLeadingSpace: Bool { kind == .llama2 }

  /// The ids of a chat: the system prompt, completed turns, and the question to answer, if any.
  ///
  /// Each turn reads the same whatever follows it, so a longer chat begins with the ids of a shorter
  /// one. (A base model's running text is the exception: a merge may cross the seam.)
  ///
  /// - Parameter system: `nil` when none is given, which is not the same as an empty one.
  public func encode(system: String?, turns: [Turn], pending: String? = nil) -> [TokenID] {
    layOut(system: system, turns: turns, pending: pending).flatMap { part in
      switch part {
      case .control(let id): [id]
      case .text(let text): tokenizer.encode(text)
      }
    }
  }

  /// How many tokens a system prompt adds to a chat, with what the template puts around it.
  public func systemLength(_ system: String?) -> Int {
    switch kind {
    case .none, .chatML: return encode(system: system, turns: []).count
    case .llama2:
      // It is part of the first question: count what it adds to one.
      let with = encode(system: system, turns: [], pending: "x").count
      return with - encode(system: nil, turns: [], pending: "x").count
    }
  }

  /// The parts of a chat, before encoding.
  public func layOut(system: String?, turns: [Turn], pending: String? = nil) -> [Part] {
    switch kind {
    case .none: layOutRunningText(system: system, turns: turns, pending: pending)
    case .llama2: layOutLlama2(system: system, turns: turns, pending: pending)
    case .chatML: layOutChatML(system: system, turns: turns, pending: pending)
    }
  }

  /// The first Llama-2 control tag a text spells, byte for byte; `nil` with other templates.
  public func controlTag(in text: String) -> String? {
    guard kind == .llama2 else { return nil }
    return Self.llama2ControlTags.first { text.utf8.firstRange(of: $0.utf8) != nil }
  }
}

extension ChatTemplate {
  private func layOutLlama2(system: String?, turns: [Turn], pending: String?) -> [Part] {
    var opening = system.map { "<<SYS>>\n\($0)\n<</SYS>>\n\n" } ?? ""
    var parts: [Part] = []
    for turn in turns {
      let question = (opening + turn.question).strippedAsInPython
      let answer = turn.answer.strippedAsInPython
      parts += [
        .control(turnStart), .text("[INST] \(question) [/INST] \(answer) "), .control(turnEnd),
      ]
      opening = ""
    }
    if let pending {
      let question = (opening + pending).strippedAsInPython
      parts += [.control(turnStart), .text("[INST] \(question) [/INST]")]
    }
    return parts
  }

  private func layOutChatML(system: String?, turns: [Turn], pending: String?) -> [Part] {
    func message(_ role: String, _ content: String) -> [Part] {
      [.control(turnStart), .text("\(role)\n\(content)"), .control(turnEnd), .text("\n")]
    }
    var parts: [Part] = bos.map { [.control($0)] } ?? []
    if let told = system ?? defaultSystem { parts += message("system", told) }
    for turn in turns {
      parts += message("user", turn.question)
      parts += message("assistant", turn.answer)
    }
    if let pending {
      parts += message("user", pending)
      parts += [.control(turnStart), .text("assistant\n")]
    }
    return parts
  }

  /// A base model has no turns: what the user types goes on with the text so far, on a new line.
  private func layOutRunningText(system: String?, turns: [Turn], pending: String?) -> [Part] {
    let lines =
      [system].compactMap(\.self) + turns.map { $0.question + $0.answer }
      + [pending].compactMap(\.self)
    let opening: [Part] = bos.map { [.control($0)] } ?? []
    return opening + [.text(lines.joined(separator: "\n"))]
  }
}

extension String {
  /// What Python's `str.strip()` leaves.
  ///
  /// Its 29 code points are neither Foundation's nor Unicode's white space, so they are listed.
  var strippedAsInPython: String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
        0x205F, 0x3000:
        true
      default: false
      }
    }
    let scalars = unicodeScalars
    guard let first = scalars.firstIndex(where: { !isSpace($0) }),
      let last = scalars.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(scalars[first...last])
  }
}
