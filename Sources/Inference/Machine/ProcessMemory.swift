import Foundation

/// How much of this process is in memory, where the kernel says so in `/proc`.
public enum ProcessMemory {
  /// Bytes in memory now, pages of mapped files among them.
  public static var resident: Int? { field("VmRSS:") }

  /// The most there ever were.
  public static var peak: Int? { field("VmHWM:") }

  private static func field(_ name: String) -> Int? {
    KernelFile.read("/proc/self/status").flatMap {
      KernelFile.bytes(after: name, in: $0, unit: 1024)
    }
  }

  /// Bytes of a mapping that this process has in memory.
  public static func resident(in mapping: UnsafeRawBufferPointer) -> Int? {
    guard let start = mapping.baseAddress.map({ UInt(bitPattern: $0) }) else { return nil }
    return KernelFile.read("/proc/self/smaps").flatMap {
      resident(in: start..<start + UInt(mapping.count), accordingTo: $0)
    }
  }

  /// - Parameter maps: `/proc/self/smaps`: a mapping is a line with its addresses, then lines with what it takes.
  static func resident(in addresses: Range<UInt>, accordingTo maps: String) -> Int? {
    var total: Int?
    var isInside = false
    for line in maps.utf8.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard let first = words.first.map({ String(Substring($0)) }) else { continue }
      if first == "Rss:", isInside, words.count > 1, let size = Int(Substring(words[1])) {
        total = (total ?? 0) + size * 1024
      } else if !first.hasSuffix(":"), let dash = first.firstIndex(of: "-"),
        let start = UInt(first[..<dash], radix: 16)
      {
        isInside = addresses.contains(start)
      }
    }
    return total
  }
}
