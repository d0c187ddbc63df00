import Foundation
import ModelFile

/// How fast each pair of a head's elements turns with the position (Su et al., 2021), in llama2.c's fp32 arithmetic.
package struct RotaryFrequencies {
  /// (headSize / 2): 1 / theta^(2i / headSize).
  private let frequencies: [Float]

  package init(config: ModelConfig, metadata: ModelMetadata) {
    let headSize = Float(config.headSize)
    frequencies = (0..<config.headSize / 2).map { i in
      1 / powf(metadata.ropeTheta, Float(2 * i) / headSize)
    }
  }

  /// The cosines and sines, (tokens, headSize / 2) each, of position * frequency from `position` on.
  package func fill(
    _ cosines: UnsafeMutablePointer<Float>, _ sines: UnsafeMutablePointer<Float>,
    from position: Int, tokens: Int
  ) {
    for t in 0..<tokens {
      for (i, frequency) in frequencies.enumerated() {
        let angle = Float(position + t) * frequency
        cosines[t * frequencies.count + i] = cosf(angle)
        sines[t * frequencies.count + i] = sinf(angle)
      }
    }
  }
}
