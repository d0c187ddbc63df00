import Foundation

/// How much of the machine this process may use.
public enum Processors {
  /// Processors allowed by the affinity mask and by the cgroup's CPU quota, at least 1.
  public static let available: Int = max(1, min(allowedByAffinity, allowedByQuota ?? .max))

  private static var allowedByAffinity: Int {
    // Foundation counts the affinity mask on Linux.
    ProcessInfo.processInfo.activeProcessorCount
  }

  /// `cpu.max` of cgroup v2: "QUOTA PERIOD" in microseconds, or "max".
  private static var allowedByQuota: Int? {
    guard let fields = ControlGroup.read("cpu.max")?.split(separator: " "), fields.count == 2,
      let quota = Double(fields[0]), let period = Double(fields[1]), period > 0
    else { return nil }
    return Int((quota / period).rounded(.up))
  }
}

/// How much memory can still be taken.
enum SystemMemory {
  /// Bytes: what the system calls available, or what the cgroup leaves, whichever is less.
  static func available() -> Int {
    min(availableToSystem ?? Int(ProcessInfo.processInfo.physicalMemory), leftInGroup ?? .max)
  }

  private static var availableToSystem: Int? {
    guard let info = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = info.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return kilobytes * 1024
  }

  private static var leftInGroup: Int? {
    guard let limit = ControlGroup.read("memory.max").flatMap({ Int($0) }),
      let used = ControlGroup.read("memory.current").flatMap({ Int($0) })
    else { return nil }
    return max(0, limit - used)
  }
}

/// The limits of the control group (cgroup v2) this process is in.
private enum ControlGroup {
  /// The trimmed content of one of the group's files.
  static func read(_ name: String) -> String? {
    guard let membership = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8),
      let line = membership.split(separator: "\n").first(where: { $0.hasPrefix("0::") })
    else { return nil }
    let text = try? String(
      contentsOfFile: "/sys/fs/cgroup" + line.dropFirst(3) + "/" + name, encoding: .utf8)
    return text?.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
