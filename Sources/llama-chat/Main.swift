import ArgumentParser

/// Starts the program; the one place where errors become text and exit codes.
@main
enum Main {
  static func main() {
    SharedHeap.activate()
    StandardStreams.holdPlaces()
    UTF8Locale.activate()
    do {
      var command = try LlamaChat.parseAsRoot()
      try command.run()
    } catch {
      Report.exit(with: error)
    }
  }
}
