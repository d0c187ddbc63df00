import Foundation

/// What the kernel tells in files, one idea a file.
enum KernelFile {
  /// The trimmed content; `nil` where there is no such file, as on macOS.
  static func read(_ path: String) -> String? {
    // These files have no size, and longer ones come in parts: to read once is not enough.
    let data = try? FileHandle(forReadingAtPath: path)?.readToEnd()
    return data.map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  /// The number in the line that begins with the word `name`, times `unit`.
  static func bytes(after name: String, in text: some StringProtocol, unit: Int = 1) -> Int? {
    for line in text.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count >= 2, words[0] == name, let number = Int(words[1]), number >= 0 else {
        continue
      }
      let (product, overflow) = number.multipliedReportingOverflow(by: unit)
      return overflow ? nil : product
    }
    return nil
  }
}

/// The control groups this process is in, each inside the next; every one of them has its limits.
enum ControlGroup {
  /// The folders of the groups of version 2, innermost first.
  static var folders: [String] { membership.map { folders(accordingTo: $0) } ?? [] }

  /// The folders of the groups that one controller of version 1 has, innermost first.
  static func folders(ofController controller: String) -> [String] {
    membership.map { folders(accordingTo: $0, controller: controller) } ?? []
  }

  private static var membership: String? { KernelFile.read("/proc/self/cgroup") }

  /// The folders of a group and of those around it.
  ///
  /// Inside a container the path may be the host's; some of these folders are not there then.
  ///
  /// - Parameters:
  ///   - membership: `/proc/self/cgroup`: `NUMBER:CONTROLLERS:PATH` a line; version 2 has no controllers.
  ///   - controller: `cpu`, `memory` of version 1; `nil` for version 2.
  static func folders(accordingTo membership: String, controller: String? = nil) -> [String] {
    for line in membership.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, fields[2].hasPrefix("/") else { continue }
      let isWanted =
        controller.map { fields[1].split(separator: ",").contains(Substring($0)) }
        ?? fields[1].isEmpty
      guard isWanted else { continue }
      let root = "/sys/fs/cgroup" + (controller.map { "/" + $0 } ?? "")
      var names = fields[2].split(separator: "/")
      var folders = [root]
      while let name = names.first {
        folders.append(folders[folders.count - 1] + "/" + name)
        names.removeFirst()
      }
      return folders.reversed()
    }
    return []
  }
}
