import ModelFile
import Tokenization

/// What the user should know about a file that can be converted all the same.
enum ConversionWarnings {
  /// What holds for every output, one sentence each.
  static func general(
    _ parameters: GGUFParameters, template: TemplateKind?, hasTemplate: Bool
  ) -> [String] {
    var warnings: [String] = []
    if template == nil {
      warnings.append(
        hasTemplate
          ? "the file's chat template is of an unknown kind; pass --template to chat"
          : "the file has no chat template; pass --template to chat")
    }
    for key in parameters.unknownKeys {
      warnings.append("metadata '\(key)' is not known and was ignored")
    }
    return warnings
  }

  /// What holds for a version 2 file besides, one sentence each.
  static func int8(_ parameters: GGUFParameters, tensors: [GGUFTensor]) -> [String] {
    var warnings: [String] = []
    if parameters.ropeTheta != 10000 {
      warnings.append(
        "RoPE theta is \(SizeText.number(parameters.ropeTheta)), and llama2.c always computes with 10000: its runq "
          + "can load a version 2 file of this model, but its text will be wrong")
    }
    if let warning = requantization(of: tensors) { warnings.append(warning) }
    return warnings
  }

  /// What int8 does to weights that are quantised already.
  private static func requantization(of tensors: [GGUFTensor]) -> String? {
    let exact: Set<GGUFTensorType> = [.f32, .f16, .bf16]
    let types = Set(tensors.map(\.type)).subtracting(exact)
    guard !types.isEmpty else { return nil }
    let names = types.map(\.name).sorted().joined(separator: ", ")
    return types == [.q80]
      ? "the weights are Q8_0: version 2 rounds them anew unless the group size is 32"
      : "the weights are \(names): version 2 rounds them a second time, version 1 keeps their values"
  }
}
