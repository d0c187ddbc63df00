import Foundation

/// What the kernel tells in files, one idea a file.
enum KernelFile {
  /// The trimmed content; `nil` where there is no such file, as on macOS.
  static func read(_ path: String) -> String? {
    let text = try? String(contentsOfFile: path, encoding: .utf8)
    return text?.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The limits of the control group (cgroup v2) this process is in.
enum ControlGroup {
  /// The trimmed content of one of the group's files.
  static func read(_ name: String) -> String? {
    guard let membership = KernelFile.read("/proc/self/cgroup"),
      let line = membership.split(separator: "\n").first(where: { $0.hasPrefix("0::") })
    else { return nil }
    return KernelFile.read("/sys/fs/cgroup\(line.dropFirst(3))/\(name)")
  }
}
