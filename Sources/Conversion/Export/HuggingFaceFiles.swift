import ModelFile
import Tokenization

/// The small files of a Hugging Face directory.
struct HuggingFaceFiles {
  /// `config.json`.
  let config: [UInt8]
  /// All files by name.
  let all: [(name: String, content: [UInt8])]

  init(_ facts: SourceFacts) throws {
    config = Array(JSONWriter.object(Self.config(facts)).utf8)
    var files = [(name: "config.json", content: config)]
    files.append(
      ("generation_config.json", Array(JSONWriter.object(Self.specialIDs(facts.metadata)).utf8)))
    if let vocabulary = facts.vocabulary {
      files.append(
        ("tokenizer_config.json", Array(JSONWriter.object(Self.tokenizer(facts, vocabulary)).utf8)))
      switch vocabulary.kind {
      case .sentencePiece: files.append(("tokenizer.model", try vocabulary.sentencePieceModel()))
      case .byteLevel: files.append(("tokenizer.json", TokenizerJSONWriter.write(vocabulary)))
      }
    }
    all = files
  }

  private typealias Members = [(key: String, value: String)]

  private static func config(_ facts: SourceFacts) -> Members {
    let (config, metadata) = (facts.config, facts.metadata)
    var members: Members = [
      ("architectures", #"["LlamaForCausalLM"]"#), ("model_type", #""llama""#),
      ("hidden_size", "\(config.dim)"), ("intermediate_size", "\(config.hiddenDim)"),
      ("num_hidden_layers", "\(config.layers)"), ("num_attention_heads", "\(config.heads)"),
      ("num_key_value_heads", "\(config.kvHeads)"), ("head_dim", "\(config.headSize)"),
      ("vocab_size", "\(config.vocabSize)"),
      ("max_position_embeddings", "\(config.contextLength)"),
      ("rms_norm_eps", number(metadata.normEpsilon)), ("rope_theta", number(metadata.ropeTheta)),
      ("hidden_act", #""silu""#), ("attention_bias", "false"), ("mlp_bias", "false"),
      ("tie_word_embeddings", "\(config.sharedClassifier)"), ("torch_dtype", #""float32""#),
    ]
    members += specialIDs(metadata)
    if !metadata.sourceName.isEmpty {
      members.append(("_name_or_path", JSONWriter.string(metadata.sourceName)))
    }
    return members
  }

  private static func specialIDs(_ metadata: ModelMetadata) -> Members {
    let ends = [metadata.eos] + (metadata.endOfTurn.map { [$0] } ?? [])
    return [
      ("bos_token_id", "\(metadata.bos)"),
      ("eos_token_id", ends.count == 1 ? "\(metadata.eos)" : "\(ends)"),
    ]
  }

  private static func tokenizer(_ facts: SourceFacts, _ vocabulary: Vocabulary) -> Members {
    let isSentencePiece = vocabulary.kind == .sentencePiece
    func token(_ id: TokenID) -> String {
      String(decoding: JSONWriter.string(vocabulary.pieces[Int(id)]), as: UTF8.self)
    }
    var members: Members = [
      ("tokenizer_class", isSentencePiece ? #""LlamaTokenizer""# : #""PreTrainedTokenizerFast""#),
      ("add_bos_token", "\(facts.metadata.addsBOS)"), ("add_eos_token", "false"),
      ("bos_token", token(vocabulary.bos)), ("eos_token", token(vocabulary.eos)),
      ("clean_up_tokenization_spaces", "false"),
      ("model_max_length", "\(facts.config.contextLength)"),
    ]
    if let unknown = vocabulary.unknown { members.append(("unk_token", token(unknown))) }
    if isSentencePiece {
      members += [("add_prefix_space", "\(vocabulary.addsSpacePrefix)"), ("legacy", "false")]
    }
    if let template = ChatTemplateText.jinja(facts.metadata) {
      members.append(("chat_template", JSONWriter.string(template)))
    }
    return members
  }

  /// A number whose decimal digits read back as the same fp32.
  private static func number(_ value: Float) -> String { "\(value)" }
}

/// The chat templates this program knows, as Jinja for other programs.
enum ChatTemplateText {
  /// The template; empty for base models, `nil` when it is not known.
  static func jinja(_ metadata: ModelMetadata) -> String? {
    switch metadata.template {
    case nil: nil
    case .some(.none): ""
    case .llama2: llama2
    case .chatML: metadata.hasDefaultSystem ? chatMLDefault + chatML : chatML
    }
  }

  private static let chatMLDefault = """
    {%- if messages[0]['role'] != 'system' -%}
    {{- '<|im_start|>system\\n\(ModelMetadata.defaultSystem)<|im_end|>\\n' -}}
    {%- endif -%}

    """

  private static let chatML = """
    {%- for message in messages -%}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
    """

  private static let llama2 = """
    {%- set intro = '' -%}{%- set turns = messages -%}
    {%- if messages[0]['role'] == 'system' -%}
    {%- set intro = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' -%}
    {%- set turns = messages[1:] -%}
    {%- endif -%}
    {%- for turn in turns -%}
    {%- if turn['role'] == 'user' -%}
    {%- set text = (intro + turn['content']) if loop.first else turn['content'] -%}
    {{- bos_token + '[INST] ' + text.strip() + ' [/INST]' -}}
    {%- else -%}
    {{- ' ' + turn['content'].strip() + ' ' + eos_token -}}
    {%- endif -%}
    {%- endfor -%}
    """
}
