import ModelFile

/// What the user should know about an output, although it can be written.
enum ConversionWarnings {
  /// One sentence each.
  ///
  /// - Parameter encodings: The names of all encodings among the source's tensors.
  static func output(
    version: Int, _ facts: SourceFacts, encodings: Set<String>
  ) -> [String] {
    var warnings: [String] = []
    if version == 0, facts.vocabulary != nil {
      warnings.append(
        "version 0 has no room for the tokenizer; keep a tokenizer.bin next to the output")
    }
    guard version == 2 else { return warnings }
    let theta = facts.metadata.ropeTheta
    if theta != 10000 {
      warnings.append(
        "RoPE theta is \(SizeText.number(theta)), and llama2.c always computes with 10000: its runq "
          + "can load a version 2 file of this model, but its text will be wrong")
    }
    if let warning = requantization(of: encodings) { warnings.append(warning) }
    return warnings
  }

  /// What int8 does to weights that are quantised already.
  private static func requantization(of encodings: Set<String>) -> String? {
    let types = encodings.subtracting(["F32", "F16", "BF16"])
      .filter { !$0.hasPrefix("int8") }
    guard !types.isEmpty else { return nil }
    let names = types.sorted().joined(separator: ", ")
    return names == "Q8_0"
      ? "the weights are Q8_0: version 2 rounds them anew unless the group size is 32"
      : "the weights are \(names): version 2 rounds them a second time, version 1 keeps their values"
  }
}
