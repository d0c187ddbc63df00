import Foundation
import TestSupport
import Testing

/// `generate`, `inspect` and `tokenize`: what they print, and one line for every mistake.
@Suite(.serialized) struct FileCommandTests {
  private let program: Program
  private let model: String

  init() throws {
    program = try Program()
    model = try Models.path(.quick)
  }

  @Test func generateTakesOptionsInAnyOrder() throws {
    let usual = try program.run(
      ["generate", model, "-t", "0", "-i", "Once upon a time", "-n", "40"])
    #expect(usual.code == 0)
    #expect(usual.output.hasPrefix("Once upon a time") && usual.output.hasSuffix("\n"))
    #expect(usual.errors.hasPrefix("achieved tok/s: "))
    let swapped = try program.run(
      ["generate", "-n", "40", "-i", "Once upon a time", model, "-p", "0.5", "-t", "0"])
    #expect(swapped.output == usual.output)
  }

  @Test func keysAndValuesCanBeRounded() throws {
    let arguments = ["generate", model, "-t", "0", "-i", "Once upon a time", "-n", "40"]
    let usual = try program.run(arguments)
    let exact = try program.run(arguments + ["--kv", "f32"])
    #expect(exact.output == usual.output)
    for kv in ["f16", "q8"] {
      let rounded = try program.run(arguments + ["--kv", kv])
      #expect(rounded.code == 0 && rounded.output.hasPrefix("Once upon a time"))
      #expect(try program.run([model, "--kv", kv, "--prompt", "Hello", "-n", "4"]).code == 0)
    }
  }

  @Test func sameSeedSameText() throws {
    let texts = try ["7", "7", "8"].map {
      try program.run(["generate", model, "-i", "the", "-t", "20", "-s", $0, "-n", "40"]).output
    }
    #expect(texts[0] == texts[1] && texts[0] != texts[2])
  }

  @Test func aPromptThatFillsThePositionsIsSaid() throws {
    let outcome = try program.run(["generate", model, "-i", "Once upon a time", "-n", "3"])
    #expect(outcome.code == 0 && outcome.errors.hasPrefix("warning: -n 3: the prompt fills all"))
  }

  @Test func benchMeasuresEveryCase() throws {
    struct Line: Decodable {
      let test: String
      let tokens: Int
      let depth: Int
      let threads: Int
      let tokensPerSecond: Double
      let bytesPerToken: Int?
      let multiplyAddsPerSecond: Double?
    }
    let options = ["--threads", "1,2", "--prompt", "9", "--generate", "3", "--depth", "0,20"]
    let outcome = try program.run(["bench", model, "--json"] + options)
    #expect(outcome.code == 0 && outcome.errors.isEmpty)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let lines = try outcome.output.split(separator: "\n")
      .map { try decoder.decode(Line.self, from: Data($0.utf8)) }
    #expect(
      lines.map(\.test) == ["prefill", "decode", "decode_deep"] + [
        "prefill", "decode", "decode_deep",
      ])
    #expect(lines.map(\.threads) == [1, 1, 1, 2, 2, 2])
    #expect(lines.map(\.tokens) == [9, 3, 3, 9, 3, 3])
    #expect(lines.map(\.depth) == [0, 0, 20, 0, 0, 20])
    #expect(lines.allSatisfy { $0.tokensPerSecond > 0 })
    #expect(lines.allSatisfy { ($0.bytesPerToken != nil) == ($0.test != "prefill") })
    #expect(lines.allSatisfy { ($0.multiplyAddsPerSecond != nil) == ($0.test == "prefill") })

    let table = try program.run(["bench", model] + options)
    #expect(table.code == 0 && table.output.split(separator: "\n").count == 2 + lines.count)
    #expect(table.output.contains("KV f32"))
    let halves = try program.run(["bench", model, "--kv", "f16"] + options)
    #expect(halves.code == 0 && halves.output.contains("KV f16"))
    for wrong in [
      ["--kv", "f64"], ["--threads", "0"], ["--threads", "1,x"], ["--prompt", "-1"],
    ] {
      #expect(try program.run(["bench", model] + wrong).code == 2, "\(wrong)")
    }
  }

  @Test func inspectShowsTheFile() throws {
    let outcome = try program.run(["inspect", model, "--verify"])
    #expect(outcome.code == 0 && outcome.errors.isEmpty)
    for text in [
      "format         v1, fp32", "dim            64", "rope_theta     10000\n",
      "template       llama2", "SentencePiece BPE, 512 pieces, in the file", "verified",
    ] {
      #expect(outcome.output.contains(text), "\(text)")
    }
  }

  @Test func tokenizeGoesThereAndBack() throws {
    let input = Array("Hello world\n\n\u{6F22} \u{E9}\n".utf8)
    let plain = try program.run(["tokenize", model], input: input)
    #expect(plain.code == 0 && plain.output.contains("\t\""))
    let ids = plain.output.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.prefix { $0 != "\t" } }
    let back = try program.run(
      ["tokenize", model, "--decode"], input: Array(ids.joined(separator: "\r\n").utf8))
    #expect(Array(back.output.utf8) == input)

    let json = Array(#""a\nb \u0000 \ud83d\ude00""#.utf8)
    let encoded = try program.run(["tokenize", "--json", model], input: json)
    #expect(encoded.output.hasPrefix("["))
    let decoded = try program.run(
      ["tokenize", "--json", "--decode", model], input: Array(encoded.output.utf8))
    #expect(decoded.output == #""a\nb \u0000 \#u{1F600}""# + "\n")
  }

  @Test func anyBytesHaveTokens() throws {
    let outcome = try program.run(["tokenize", model], input: [0xFF, 0, 0xE6, 0x0A, 0x80])
    #expect(outcome.code == 0 && outcome.output.split(separator: "\n").count == 2)
  }

  @Test func inputThatCannotBeReadIsNotItsEnd() throws {
    let folder = try program.shell("exec \"$0\" tokenize \"$1\" < /", [model])
    #expect(folder.code == 1 && folder.output.isEmpty)
    #expect(folder.errors == "error: standard input: cannot read: Is a directory\n")
    let long = try program.shell(
      "head -c 17000000 /dev/zero | tr '\\0' a | \"$0\" tokenize \"$1\"", [model])
    #expect(long.code == 2 && long.output.isEmpty)
    #expect(long.errors.contains("error: standard input: a line is longer than 17 MB"), "\(long)")
  }

  /// Arguments with `MODEL` for the model, input, exit code, and how the one line on standard error begins.
  private static let mistakes: [(arguments: [String], input: String, code: Int32, error: String)] =
    [
      (["generate"], "", 2, "Missing expected argument '<model>'; see `llama-chat generate"),
      (
        ["generate", "MODEL", "-t", "hot"], "", 2,
        "The value 'hot' is invalid for '-t <temp>': must"
      ),
      (
        ["generate", "MODEL", "-t", "-1"], "", 2, "The value '-1' is invalid for '-t <temp>': must"
      ),
      (["generate", "MODEL", "-t", "nan"], "", 2, "The value 'nan' is invalid for '-t <temp>'"),
      (["generate", "MODEL", "-p", "2"], "", 2, "The value '2' is invalid for '-p <topp>': must"),
      (["generate", "MODEL", "-s", "-1"], "", 2, "The value '-1' is invalid for '-s <seed>'"),
      (["generate", "MODEL", "-n", "x"], "", 2, "The value 'x' is invalid for '-n <steps>'"),
      (["generate", "MODEL", "--threads", "4096"], "", 2, "threads must be 1…"),
      (["generate", "MODEL", "--kv", "f64"], "", 2, "The value 'f64' is invalid for '--kv"),
      (["generate", "MODEL", "-m", "chat"], "", 2, "Unknown option '-m'"),
      (["generate", "/dev/zero"], "", 3, "/dev/zero: is not a regular file"),
      (["generate", ""], "", 3, "\"\": cannot be opened"),
      (["generate", "MODEL", "-i", String(repeating: "long ", count: 999)], "", 4, "needs "),
      (["inspect", "/"], "", 3, "/: is a directory"),
      (["inspect", "MODEL", "-z", "/nonexistent"], "", 3, "/nonexistent: cannot be opened"),
      (["tokenize", "/nonexistent"], "", 3, "/nonexistent: cannot be opened: No such file"),
      (["tokenize", "--json", "MODEL"], "\n", 2, "standard input, line 1: expected a JSON string"),
      (
        ["tokenize", "--decode", "MODEL"], "1\n2,3", 2, "standard input, line 2: expected token ids"
      ),
      (["tokenize", "--decode", "MODEL"], "512", 2, "standard input, line 1: token id 512 is out"),
    ]

  @Test func mistakesAreNamedInOneLine() throws {
    for (arguments, input, code, error) in Self.mistakes {
      let outcome = try program.run(
        arguments.map { $0 == "MODEL" ? model : $0 }, input: Array(input.utf8))
      #expect(outcome.code == code && outcome.reason == .exit, "\(arguments): \(outcome)")
      #expect(outcome.errors.hasPrefix("error: " + error), "\(arguments): \(outcome)")
      #expect(outcome.errors.count { $0 == "\n" } == 1, "\(arguments): \(outcome)")
    }
  }

  @Test func damagedNumbersAreNeverText() throws {
    var bytes = [UInt8](FileManager.default.contents(atPath: model) ?? Data())
    // Version 1: header, five norms of 64, then the embedding.
    let embedding = 256 + 5 * 64 * 4
    bytes.replaceSubrange(embedding..<embedding + 4, with: [0, 0, 0xC0, 0x7F])
    let damaged = try program.folder.write("damaged.bin", bytes)
    for arguments in [
      ["generate", damaged, "-t", "0"], ["generate", damaged], [damaged, "--prompt", "Hello"],
      ["inspect", "--verify", damaged],
    ] {
      let outcome = try program.run(arguments)
      #expect(outcome.code == 5, "\(arguments): \(outcome)")
      #expect(outcome.errors.contains("NaN") || outcome.errors.contains("nan"))
    }
  }

  @Test func aFullDiskIsAnError() throws {
    for command in [
      "\"$0\" inspect \"$1\"", "\"$0\" generate \"$1\"", "\"$0\" \"$1\" --prompt Hello",
      "echo Hello | \"$0\" tokenize \"$1\"",
    ] {
      let outcome = try program.shell(command + " > /dev/full", [model])
      #expect(outcome.code == 1, "\(command): \(outcome)")
      #expect(outcome.errors == "error: writing to standard output: No space left on device\n")
    }
    for questions in [["one"], ["one", "two", "three"]] {
      let program = try Program()
      let terminal = try program.chat()
      for question in questions { try terminal.send(question) }
      try terminal.send(":save talk")
      let saved = program.folder.file(".local/share/llama-chat/sessions/talk.chat")
      let outcome = try program.shell(
        "\"$0\" \"$1\" --replay \"$2\" > /dev/full", [model, saved])
      #expect(outcome.code == 1, "\(outcome)")
      #expect(outcome.errors.hasSuffix("writing to standard output: No space left on device\n"))
    }
  }
}
