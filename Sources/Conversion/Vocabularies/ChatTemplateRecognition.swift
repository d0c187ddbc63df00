import ModelFile

extension TemplateKind {
  /// Recognises the chat format in the text of a Jinja template, which is never run.
  ///
  /// - Returns: `nil` for a template of another format.
  init?(recognizing jinja: String) {
    if jinja.contains("<|im_start|>") {
      self = .chatML
    } else if jinja.contains("[INST]") && jinja.contains("<<SYS>>") {
      self = .llama2
    } else {
      return nil
    }
  }
}

extension ModelMetadata {
  /// Takes what is known of the chat format from the text of a Jinja template.
  mutating func note(template jinja: String?) {
    template = jinja.flatMap(TemplateKind.init(recognizing:))
    hasDefaultSystem =
      template != .chatML || jinja?.contains(Self.defaultSystem) == true
  }
}
