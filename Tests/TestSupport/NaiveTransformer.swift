import Foundation
import ModelFile

/// The Llama-2 forward pass in Double precision, one token at a time, written for reading: the oracle.
///
/// Shares no code with the engine. With a group size, matmul inputs and weights go through int8 groups
/// as a v2 file's do; everything else stays in Double.
public struct NaiveTransformer {
  private let config: ModelConfig
  private let metadata: ModelMetadata
  private let weights: [TensorRole: [[Double]]]
  private let groupSize: Int?
  /// Per layer, one row a position.
  private var keys: [[[Double]]]
  private var values: [[[Double]]]

  /// Takes weights by role, one array a layer, row-major.
  public init(
    config: ModelConfig, metadata: ModelMetadata, weights: [TensorRole: [[Float]]], groupSize: Int?
  ) {
    self.config = config
    self.metadata = metadata
    self.groupSize = groupSize
    let norms: Set<TensorRole> = [.attentionNorm, .ffnNorm, .finalNorm]
    self.weights = Dictionary(
      uniqueKeysWithValues: weights.map { role, layers in
        let group = norms.contains(role) ? nil : groupSize
        return (
          role, layers.map { Self.throughGroups($0.map(Double.init), group, .toNearestOrEven) }
        )
      })
    keys = Array(repeating: [], count: config.layers)
    values = keys
  }

  /// Reads one token at the next position; the logits after it.
  public mutating func forward(_ token: Int) -> [Double] {
    let position = keys[0].count
    let (dim, size) = (config.dim, config.headSize)
    var x = Array(weight(.tokenEmbedding)[token * dim..<(token + 1) * dim])
    for layer in 0..<config.layers {
      let normed = rmsnorm(x, weight(.attentionNorm, layer))
      var q = matmul(weight(.wq, layer), normed)
      var k = matmul(weight(.wk, layer), normed)
      rotate(&q, position)
      rotate(&k, position)
      keys[layer].append(k)
      values[layer].append(matmul(weight(.wv, layer), normed))
      var mixed: [Double] = []
      for head in 0..<config.heads {
        let shared = head / (config.heads / config.kvHeads) * size
        let query = q[head * size..<(head + 1) * size]
        let scores = keys[layer].map { key in
          zip(query, key[shared..<shared + size]).reduce(0) { $0 + $1.0 * $1.1 }
            / Double(size).squareRoot()
        }
        let shares = softmax(scores)
        mixed += (0..<size).map { i in
          zip(shares, values[layer]).reduce(0) { $0 + $1.0 * $1.1[shared + i] }
        }
      }
      x = zip(x, matmul(weight(.wo, layer), mixed)).map(+)
      let inner = rmsnorm(x, weight(.ffnNorm, layer))
      let gate = matmul(weight(.w1, layer), inner).map { $0 / (1 + exp(-$0)) }
      let hidden = zip(gate, matmul(weight(.w3, layer), inner)).map(*)
      x = zip(x, matmul(weight(.w2, layer), hidden)).map(+)
    }
    let output = config.sharedClassifier ? TensorRole.tokenEmbedding : .classifier
    return matmul(weight(output), rmsnorm(x, weight(.finalNorm)))
  }

  private func weight(_ role: TensorRole, _ layer: Int = 0) -> [Double] {
    weights[role]?[layer] ?? []
  }

  private func matmul(_ matrix: [Double], _ input: [Double]) -> [Double] {
    let x = Self.throughGroups(input, groupSize, .toNearestOrAwayFromZero)
    return stride(from: 0, to: matrix.count, by: x.count).map { start in
      zip(matrix[start..<start + x.count], x).reduce(0) { $0 + $1.0 * $1.1 }
    }
  }

  private func rmsnorm(_ x: [Double], _ weight: [Double]) -> [Double] {
    let meanSquare = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    let scale = 1 / (meanSquare + Double(metadata.normEpsilon)).squareRoot()
    return zip(x, weight).map { $0 * scale * $1 }
  }

  private func rotate(_ v: inout [Double], _ position: Int) {
    for i in stride(from: 0, to: v.count, by: 2) {
      let exponent = Double(i % config.headSize) / Double(config.headSize)
      let angle = Double(position) / pow(Double(metadata.ropeTheta), exponent)
      (v[i], v[i + 1]) = (
        v[i] * cos(angle) - v[i + 1] * sin(angle), v[i] * sin(angle) + v[i + 1] * cos(angle)
      )
    }
  }

  private func softmax(_ scores: [Double]) -> [Double] {
    let highest = scores.max() ?? 0
    let powers = scores.map { exp($0 - highest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// What is left of values after int8 groups with an fp32 scale each.
  private static func throughGroups(
    _ values: [Double], _ groupSize: Int?, _ rule: FloatingPointRoundingRule
  ) -> [Double] {
    guard let groupSize else { return values }
    return stride(from: 0, to: values.count, by: groupSize).flatMap { start in
      let group = values[start..<min(start + groupSize, values.count)].map { Float($0) }
      let scale = (group.map(abs).max() ?? 0) / 127
      return group.map { scale == 0 ? 0 : Double(($0 / scale).rounded(rule)) * Double(scale) }
    }
  }
}
