import Foundation

/// How many processors this process may use.
public enum Processors {
  /// Processors allowed by the affinity mask and by the control group's quota, at least 1.
  public static let available = max(
    1,
    min(
      allowedByAffinity ?? ProcessInfo.processInfo.activeProcessorCount, allowedByQuota ?? .max))

  /// The affinity mask's processors (`taskset`, cgroup cpuset), as Linux lists them.
  private static var allowedByAffinity: Int? {
    let status = KernelFile.read("/proc/self/status")
    let field = "Cpus_allowed_list:"
    let line = status?.split(separator: "\n").first { $0.hasPrefix(field) }
    return line.flatMap { count(ofList: $0.dropFirst(field.count)) }
  }

  /// How many numbers a list like `0-3,8` names; `nil` when it is none.
  static func count(ofList text: some StringProtocol) -> Int? {
    var count = 0
    for part in text.split(separator: ",") {
      let ends = part.split(separator: "-").map {
        Int(String($0).trimmingCharacters(in: .whitespaces)) ?? -1
      }
      guard let first = ends.first, let last = ends.last, ends.count <= 2, first >= 0,
        last >= first, last < 1 << 20
      else { return nil }
      count += last - first + 1
    }
    return count > 0 ? count : nil
  }

  /// The least that any control group allows.
  private static var allowedByQuota: Int? {
    let quotas = ControlGroup.folders.compactMap { KernelFile.read($0 + "/cpu.max") }
    let oldQuotas = ControlGroup.folders(ofController: "cpu").compactMap { folder in
      KernelFile.read(folder + "/cpu.cfs_quota_us").flatMap { quota in
        KernelFile.read(folder + "/cpu.cfs_period_us").map { "\(quota) \($0)" }
      }
    }
    return (quotas + oldQuotas).compactMap(allowed(byQuota:)).min()
  }

  /// The processors a quota of time comes to, rounded up; `nil` when there is no limit.
  ///
  /// - Parameter text: `QUOTA PERIOD` in microseconds; without a limit the quota is `max` (cgroup v2) or -1.
  static func allowed(byQuota text: String) -> Int? {
    let numbers = text.split(separator: " ").map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0
    else { return nil }
    return (quota - 1) / period + 1
  }
}
