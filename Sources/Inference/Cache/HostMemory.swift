import Foundation

/// Keys and values in this program's memory.
final class HostMemory: KVMemory {
  /// Pages are taken when first written.
  let bytes: UnsafeMutableRawBufferPointer

  /// Reserves `byteCount` bytes; `nil` when the system says no.
  init?(byteCount: Int) {
    let start = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let start, start != MAP_FAILED else { return nil }
    bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }

  deinit { munmap(bytes.baseAddress, bytes.count) }

  func read(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  func write(
    _ range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    try body(UnsafeMutableRawBufferPointer(rebasing: bytes[range]))
  }
}
