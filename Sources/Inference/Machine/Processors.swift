import Foundation

/// How many processors this process may use.
public enum Processors {
  /// Processors allowed by the affinity mask and by the control group's quota, at least 1.
  public static let available = max(
    // Foundation counts the affinity mask on Linux.
    1, min(ProcessInfo.processInfo.activeProcessorCount, allowedByQuota ?? .max))

  private static var allowedByQuota: Int? {
    ControlGroup.read("cpu.max").flatMap(allowed(byQuota:))
  }

  /// The processors a quota of time comes to, rounded up; `nil` when there is no limit.
  ///
  /// - Parameter text: `cpu.max` of cgroup v2: `QUOTA PERIOD` in microseconds, or `max PERIOD`.
  static func allowed(byQuota text: String) -> Int? {
    let numbers = text.split(separator: " ").map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0
    else { return nil }
    return (quota - 1) / period + 1
  }
}
