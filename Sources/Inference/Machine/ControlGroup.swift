import Foundation

/// The limits of the control group (cgroup v2) this process is in.
enum ControlGroup {
  /// The trimmed content of one of the group's files.
  static func read(_ name: String) -> String? {
    guard let membership = text(of: "/proc/self/cgroup"),
      let line = membership.split(separator: "\n").first(where: { $0.hasPrefix("0::") })
    else { return nil }
    return text(of: "/sys/fs/cgroup\(line.dropFirst(3))/\(name)")
  }

  /// The trimmed content of a file of the kernel's; `nil` where there is none, as on macOS.
  static func text(of path: String) -> String? {
    let text = try? String(contentsOfFile: path, encoding: .utf8)
    return text?.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
