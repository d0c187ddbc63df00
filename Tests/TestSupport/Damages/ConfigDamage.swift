/// Hugging Face configurations that are wrong, or of models that would come out wrong.
extension SourceDamage {
  package static let refusedConfigs: [SourceDamage] = [
    .config(
      "architecture", "architecture 'FalconForCausalLM'",
      [
        "architectures": #"["FalconForCausalLM"]"#
      ]),
    .config("no width", "lacks 'hidden_size'", ["hidden_size": nil]),
    .config("text for a number", "'hidden_size' is \"64\"", ["hidden_size": #""64""#]),
    .config("fraction", "'num_hidden_layers' is 2.5", ["num_hidden_layers": "2.5"]),
    .config("negative", "'vocab_size' is -1", ["vocab_size": "-1"]),
    .config("epsilon", "expected between 0 and 1", ["rms_norm_eps": "0"]),
    .config("theta", "rope_theta is -1", ["rope_theta": "-1"]),
    .config("heads", "not a multiple of 3 attention heads", ["num_attention_heads": "3"]),
    .config("no heads", "not a multiple of 0", ["num_attention_heads": "0"]),
    .config("key/value heads", "n_kv_heads", ["num_key_value_heads": "3"]),
    .config("head size", "'head_dim' is 8", ["head_dim": "8"]),
    .config("activation", "'hidden_act' is \"gelu\"", ["hidden_act": #""gelu""#]),
    .config("bias", "'attention_bias' is true", ["attention_bias": "true"]),
    .config(
      "RoPE scaling", "type 'linear' ('rope_scaling')",
      [
        "rope_scaling": #"{"type": "linear", "factor": 2}"#
      ]),
    .config(
      "RoPE parameters", "type 'llama3' ('rope_parameters')",
      [
        "rope_parameters": #"{"rope_type": "llama3"}"#
      ]),
    .config("quantised", "'quantization_config'", ["quantization_config": #"{"bits": 4}"#]),
    .config(
      "window", "sliding window of 4096",
      [
        "architectures": #"["MistralForCausalLM"]"#, "model_type": #""mistral""#,
        "sliding_window": "4096",
      ]),
    .config("rows", "has 512 rows of 64 values; expected 256 rows", ["vocab_size": "256"]),
  ]
}
