import Foundation

/// Keeps all threads on one heap.
enum SharedHeap {
  /// `M_ARENA_MAX` of glibc's malloc.h, which Swift's module of the C library leaves out.
  private static let heaps: Int32 = -8

  /// Call before a thread is started.
  ///
  /// glibc gives a thread that first asks for memory a heap of its own, and takes 128 MB of addresses for a moment
  /// to make it. Under a limit on addresses (`ulimit -v`) whatever another thread asks for in that moment is
  /// refused, which ends the process. These threads compute and hardly ask, so one heap serves all of them.
  static func activate() {
    #if os(Linux)
      typealias SetOption = @convention(c) (_ option: Int32, _ value: Int32) -> Int32
      // Other C libraries have no such function, and no such heaps.
      guard let function = dlsym(nil, "mallopt") else { return }
      _ = unsafeBitCast(function, to: SetOption.self)(heaps, 1)
    #endif
  }
}
