import Testing

@testable import Conversion

@Suite struct JSONTests {
  @Test func readsEveryKindOfValue() throws {
    let text = #" {"a": [1, -2, 3.5, 1e2, -0], "b": {"c": null, "d": true, "e": false}, "f": ""} "#
    let value = try JSONReader.value(Array(text.utf8))
    let numbers: [JSONValue] = [
      .integer(1), .integer(-2), .number(3.5), .number(100), .number(-0.0),
    ]
    #expect(value["a"]?.elements == numbers)
    #expect(value["b"]?["c"] == .null && value["b"]?["c"]?.nonNull == nil)
    #expect(value["b"]?["d"]?.bool == true && value["b"]?["e"]?.bool == false)
    #expect(value["f"]?.text == "" && value["g"] == nil)
  }

  @Test func readsEscapes() throws {
    let value = try JSONReader.value(Array(#""\"\\\/\b\f\n\r\t\u00e9\u2581\ud83e\udd99é""#.utf8))
    #expect(value.text == "\"\\/\u{8}\u{C}\n\r\t\u{e9}\u{2581}\u{1F999}é")
  }

  @Test func keepsKeysApartThatSwiftCallsEqual() throws {
    let value = try JSONReader.value(Array("{\"\u{e9}\": 1, \"e\u{301}\": 2}".utf8))
    #expect(value.members?.count == 2)
  }

  @Test func writesWhatItReads() throws {
    let bytes = Array((0...0x7F).map { UInt8($0) }) + Array("é漢🦙".utf8)
    #expect(try JSONReader.value(JSONWriter.string(bytes)).bytes == bytes)
  }

  @Test(
    arguments: [
      ("", "ends at byte 0"), ("{", "expected a key"), ("[1,]", "expected a value"),
      ("[1 2]", "expected ',' or ']'"), (#"{"a" 1}"#, "expected ':'"),
      (#"{"a": 1,}"#, "expected a key"), (#"{"a": 1, "a": 2}"#, "\"a\" occurs twice"),
      ("01", "leading zeros"), ("-", "leading zeros"), ("1.", "digits after '.'"),
      ("1e", "digits in the exponent"), ("1e999", "out of range"), ("tru", "expected true"),
      ("nan", "expected null"), ("+1", "expected a value"), ("1 1", "expected the end"),
      (#""a"#, "expected the end of the string"), (#""\x""#, "expected an escape"),
      (#""\u12""#, "four hexadecimal digits"), (#""\ud800""#, "second half of a surrogate"),
      (#""\udc00""#, "stands alone"), ("\"\u{1}\"", "must be escaped"), ("'a'", "expected a value"),
    ])
  func refuses(text: String, expected: String) {
    let problem = #expect(throws: JSONReader.Problem.self) {
      try JSONReader.value(Array(text.utf8))
    }
    #expect(problem?.reason.contains(expected) == true, "found: \(problem?.reason ?? "")")
  }

  @Test func refusesWhatIsNoUTF8AndWhatIsTooMuch() {
    #expect(throws: JSONReader.Problem.self) { try JSONReader.value([0x22, 0xFF, 0x22]) }
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    #expect(throws: JSONReader.Problem.self) { try JSONReader.value(deep) }
    let many = Array(("[" + String(repeating: "1,", count: 100) + "1]").utf8)
    #expect(throws: JSONReader.Problem.self) { try JSONReader.value(many, maxValues: 50) }
  }
}
