import ModelFile
import Tokenization

/// The Llama-2 forward pass (Touvron et al., 2023), for fp32 and int8 alike.
struct Transformer {
  let model: Model
  let operators: Operators
  private let rope: RotaryFrequencies

  init(model: Model, operators: Operators) {
    self.model = model
    self.operators = operators
    rope = RotaryFrequencies(config: model.config, metadata: model.metadata)
  }

  /// Reads a batch of tokens at the cache's end, (batch) ids to (vocabSize) logits of the last of them.
  ///
  /// The cache counts the batch only when it is through.
  ///
  /// - Parameters:
  ///   - wantsLogits: Whether the classifier, which only the last token of a prompt needs, runs.
  ///   - beforeLayer: Called with the index of each layer.
  /// - Throws: What `beforeLayer` throws, and ``InferenceError`` when memory is short, with the cache as it was.
  func forward(
    _ tokens: ArraySlice<TokenID>, _ cache: KVCache, wantsLogits: Bool,
    beforeLayer: (_ layer: Int) throws -> Void
  ) throws {
    let (config, weights, eps) = (model.config, model.weights, model.metadata.normEpsilon)
    let dim = config.dim
    let (ops, ws, count) = (operators, operators.workspace, tokens.count)

    // The residual stream starts as the tokens' embeddings.
    for (t, token) in tokens.enumerated() {
      weights.tokenEmbedding.copyRow(Int(token), to: ws.x + t * dim)
    }
    rope.fill(ws.ropeCos, ws.ropeSin, from: cache.count, tokens: count)

    for (layer, w) in weights.layers.enumerated() {
      try beforeLayer(layer)

      // Attention branch: norm, then queries, keys and values.
      ops.normalize(ws.xb, ws.x, w.attentionNorm, eps: eps, tokens: count)
      ops.project(ws.xb, tokens: count, (w.wq, ws.q), (w.wk, ws.k), (w.wv, ws.v))

      // Rotate queries and keys by their positions; remember keys and values; then each head looks at its own
      // and all earlier positions.
      try ops.attention(ws.xb.values, cache, layer: layer, config: config, tokens: count)

      // Mix the heads; add to the residual stream.
      ops.quantize(ws.xb, tokens: count)
      ops.projectAndAdd(ws.xb, w.wo, to: ws.x, scratch: ws.xb2, tokens: count)

      // Feed-forward branch: norm, w2(silu(w1 x) * w3 x), add to the residual stream.
      ops.normalize(ws.xb, ws.x, w.ffnNorm, eps: eps, tokens: count)
      ops.gate(ws.hb, ws.xb, w1: w.w1, w3: w.w3, scratch: ws.hb2, tokens: count)
      ops.projectAndAdd(ws.hb, w.w2, to: ws.x, scratch: ws.xb2, tokens: count)
    }
    cache.append(tokens)
    guard wantsLogits, let logits = ws.logits.baseAddress else { return }

    // Final norm and classifier, for the last token only.
    ops.normalize(ws.xb, ws.x + (count - 1) * dim, weights.finalNorm, eps: eps, tokens: 1)
    ops.project(ws.xb, tokens: 1, (weights.classifier, logits))
  }
}
