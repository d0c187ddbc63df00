import ModelFile

/// A weight matrix (rows, columns) in the mapped file: output features by input features.
struct Matrix {
  let values: TensorView.Values
  let rows: Int
  let columns: Int

  init(_ view: TensorView) {
    values = view.values
    rows = view.rows
    columns = view.columns
  }

  /// Elements of an int8 group; `nil` for fp32.
  var groupSize: Int? {
    if case .int8(_, _, let groupSize) = values { groupSize } else { nil }
  }

  /// Bytes the matrix takes in the file.
  var byteCount: Int {
    switch values {
    case .float32: rows * columns * 4
    case .int8(_, _, let groupSize): rows * columns + rows * columns / groupSize * 4
    }
  }

  /// Writes row `row` (columns) to `out` as floats.
  func copyRow(_ row: Int, to out: UnsafeMutablePointer<Float>) {
    let start = row * columns
    switch values {
    case .float32(let w):
      out.update(from: w + start, count: columns)
    case .int8(let w, let scales, let groupSize):
      for i in start..<start + columns {
        out[i - start] = Float(w[i]) * scales[i / groupSize]
      }
    }
  }
}

/// The weights of one transformer block.
struct LayerWeights {
  /// (dim).
  let attentionNorm: UnsafePointer<Float>
  /// (heads * headSize, dim).
  let wq: Matrix
  /// (kvHeads * headSize, dim).
  let wk: Matrix
  /// (kvHeads * headSize, dim).
  let wv: Matrix
  /// (dim, heads * headSize).
  let wo: Matrix
  /// (dim).
  let ffnNorm: UnsafePointer<Float>
  /// (hiddenDim, dim), the gate.
  let w1: Matrix
  /// (dim, hiddenDim).
  let w2: Matrix
  /// (hiddenDim, dim), the up projection.
  let w3: Matrix
}

/// Every weight of a model, as views into its checkpoint, which must live as long.
///
/// Safe to share: nothing writes to what the pointers point at.
struct Weights: @unchecked Sendable {
  /// (vocabSize, dim).
  let tokenEmbedding: Matrix
  let layers: [LayerWeights]
  /// (dim).
  let finalNorm: UnsafePointer<Float>
  /// (vocabSize, dim); the token embedding when the classifier is tied.
  let classifier: Matrix

  init(_ checkpoint: Checkpoint) {
    func matrix(_ role: TensorRole, _ layer: Int = 0) -> Matrix {
      Matrix(checkpoint.tensor(role, layer: layer))
    }
    func norm(_ role: TensorRole, _ layer: Int = 0) -> UnsafePointer<Float> {
      guard case .float32(let values) = checkpoint.tensor(role, layer: layer).values else {
        preconditionFailure("the layout keeps norms in fp32")
      }
      return values
    }
    tokenEmbedding = matrix(.tokenEmbedding)
    layers = (0..<checkpoint.config.layers).map { layer in
      LayerWeights(
        attentionNorm: norm(.attentionNorm, layer),
        wq: matrix(.wq, layer), wk: matrix(.wk, layer), wv: matrix(.wv, layer),
        wo: matrix(.wo, layer),
        ffnNorm: norm(.ffnNorm, layer),
        w1: matrix(.w1, layer), w2: matrix(.w2, layer), w3: matrix(.w3, layer))
    }
    finalNorm = norm(.finalNorm)
    classifier = checkpoint.config.sharedClassifier ? tokenEmbedding : matrix(.classifier)
  }

  /// Bytes read to decode one token: every matrix of every block and the classifier, and the norms.
  var bytesPerToken: Int {
    let norms = (2 * layers.count + 1) * tokenEmbedding.columns * 4
    return blockMatrices.reduce(classifier.byteCount + norms) { $0 + $1.byteCount }
  }

  /// Multiply-adds of one token in the matrices of all blocks: attention's and the classifier's come on top.
  var multiplyAddsPerToken: Int { blockMatrices.reduce(0) { $0 + $1.rows * $1.columns } }

  private var blockMatrices: [Matrix] {
    layers.flatMap { [$0.wq, $0.wk, $0.wv, $0.wo, $0.w1, $0.w2, $0.w3] }
  }
}
