import Foundation

/// What the system knows of a kind of terminal: its terminfo entry.
struct TerminalDescription {
  /// How many colours it has; 0 when none.
  let colors: Int

  private typealias SetUp =
    @convention(c) (UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<Int32>?) -> Int32
  private typealias Number = @convention(c) (UnsafePointer<CChar>?) -> Int32

  /// The description of the terminals of that name, as `$TERM` has it; `nil` when there is none.
  init?(of name: String) {
    // The library that libedit reads descriptions with is there whenever libedit is; no header of it is needed.
    guard let setUp = Self.function("setupterm"), let number = Self.function("tigetnum") else {
      colors = 8
      return
    }
    var found: Int32 = 0
    let result = unsafeBitCast(setUp, to: SetUp.self)(name, STDOUT_FILENO, &found)
    guard result == 0, found == 1 else { return nil }
    colors = max(0, Int(unsafeBitCast(number, to: Number.self)("colors")))
  }

  private static func function(_ name: String) -> UnsafeMutableRawPointer? {
    #if canImport(Darwin)
      dlsym(UnsafeMutableRawPointer(bitPattern: -2), name)
    #else
      dlsym(nil, name)
    #endif
  }
}
