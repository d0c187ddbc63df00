import Foundation

/// How much memory can still be taken.
public enum SystemMemory {
  /// Bytes: what the system calls available, what the control group leaves, or what the limit on this
  /// process (`ulimit -v`) leaves, whichever is least.
  public static func available() -> Int {
    // macOS has no such files and pages to disk instead: there all of its memory counts.
    min(
      availableToSystem ?? Int(clamping: ProcessInfo.processInfo.physicalMemory),
      leftInGroup ?? .max, leftInProcess ?? .max)
  }

  /// What the limit on this process's addresses leaves.
  private static var leftInProcess: Int? {
    guard let limits = KernelFile.read("/proc/self/limits"),
      let status = KernelFile.read("/proc/self/status")
    else { return nil }
    return left(limits: limits, status: status)
  }

  /// For what is taken without a look here: stacks, text, buffers.
  private static let spareAddresses = 32 << 20

  /// What a limit on addresses leaves, in bytes; `nil` when there is none.
  ///
  /// - Parameters:
  ///   - limits: `/proc/self/limits`: a name, the limit in force and the highest one a line.
  ///   - status: `/proc/self/status`, for `VmSize`.
  static func left(limits: String, status: String) -> Int? {
    let name = "Max address space"
    let line = limits.split(separator: "\n").first { $0.hasPrefix(name) }
    guard let limit = line?.dropFirst(name.count).split(separator: " ").first.flatMap({ Int($0) }),
      let used = KernelFile.bytes(after: "VmSize:", in: status, unit: 1024)
    else { return nil }
    return max(0, limit.subtractingReportingOverflow(used).partialValue - spareAddresses)
  }

  private static var availableToSystem: Int? {
    KernelFile.read("/proc/meminfo").flatMap(available(accordingTo:))
  }

  /// `MemAvailable` of `/proc/meminfo`, in bytes.
  static func available(accordingTo meminfo: String) -> Int? {
    KernelFile.bytes(after: "MemAvailable:", in: meminfo, unit: 1024)
  }

  /// The least that any control group leaves.
  private static var leftInGroup: Int? {
    let groups = ControlGroup.folders.map { ($0, limit: "/memory.max", used: "/memory.current") }
    let oldGroups = ControlGroup.folders(ofController: "memory").map {
      ($0, limit: "/memory.limit_in_bytes", used: "/memory.usage_in_bytes")
    }
    return (groups + oldGroups).compactMap { folder, limit, used in
      guard let limit = KernelFile.read(folder + limit), let used = KernelFile.read(folder + used)
      else { return nil }
      return left(
        limit: limit, used: used, statistics: KernelFile.read(folder + "/memory.stat") ?? "")
    }.min()
  }

  /// What a control group's limit leaves, in bytes; `nil` when there is none.
  ///
  /// Pages of files, a mapped model's among them, count as used, but give way to whoever needs room.
  ///
  /// - Parameters:
  ///   - limit: Bytes, or `max`.
  ///   - used: Bytes.
  ///   - statistics: `memory.stat`: a name and bytes a line.
  static func left(limit: String, used: String, statistics: String) -> Int? {
    guard let limit = Int(limit), let used = Int(used), limit >= 0, used >= 0 else { return nil }
    let files = ["inactive_file", "active_file"].compactMap {
      KernelFile.bytes(after: $0, in: statistics)
    }
    let needed = max(0, used - files.reduce(0) { $0 + min($1, used) })
    return max(0, limit - needed)
  }
}
