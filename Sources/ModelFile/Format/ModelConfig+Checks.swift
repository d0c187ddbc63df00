extension ModelConfig {
  /// Checks every number by itself, then the relations between them.
  ///
  /// The limits are far above every published model and keep all sizes below 2^62.
  func check() throws(ModelFileError) {
    try check("dim", dim, 1 << 16)
    try check("hidden_dim", hiddenDim, 1 << 20)
    try check("n_layers", layers, 1 << 10)
    try check("n_heads", heads, 1 << 10)
    try check("n_kv_heads", kvHeads, heads)
    try check("vocab_size", vocabSize, 1 << 22)
    try check("seq_len", contextLength, 1 << 22)
    guard heads % kvHeads == 0 else {
      throw ModelFileError("n_heads \(heads) is not a multiple of n_kv_heads \(kvHeads)")
    }
    guard dim % heads == 0 else {
      throw ModelFileError("dim \(dim) is not a multiple of n_heads \(heads)")
    }
    // RoPE turns pairs of elements.
    guard headSize % 2 == 0 else {
      throw ModelFileError("head size is \(headSize) (dim / n_heads); must be even")
    }
  }

  private func check(_ name: String, _ value: Int, _ largest: Int) throws(ModelFileError) {
    guard value >= 1, value <= largest else {
      throw ModelFileError("\(name) is \(value); must be 1…\(largest)")
    }
  }
}
