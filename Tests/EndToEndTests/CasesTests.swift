import Foundation
import Testing

/// The list of cases names tests that are there.
@Suite struct CasesTests {
  @Test func eachNamedTestIsThere() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
    let list = try String(contentsOf: folder.appendingPathComponent("README.md"), encoding: .utf8)
    let files = try #require(FileManager.default.enumerator(atPath: folder.path))
    var code = ""
    for case let path as String in files where path.hasSuffix(".swift") {
      code += try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
    }
    let rows = list.split(separator: "\n").filter { $0.hasPrefix("| ") }
    #expect(rows.count == 27)
    for row in rows.dropFirst() {
      let tests = String(row.split(separator: "|").last ?? "")
      let names = tests.split(separator: "`").map(String.init).filter { $0.count > 2 }
      #expect(!names.isEmpty, "\(row)")
      for name in names {
        let isThere = code.contains("func \(name)(")
        #expect(isThere, "\(name)")
      }
    }
  }
}
