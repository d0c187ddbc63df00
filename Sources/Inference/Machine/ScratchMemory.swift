import Foundation

/// Pieces of memory that live as long as this, each on cache lines of its own.
///
/// Swift's own allocation ends the process where there is no memory; this says so.
package final class ScratchMemory {
  private let byteCount: Int
  private let available: Int
  private var pieces: [UnsafeMutableRawPointer] = []

  /// - Parameters:
  ///   - byteCount: What all pieces take together.
  ///   - available: Bytes of memory there are.
  /// - Throws: ``InferenceError/workspaceDoesNotFit(bytes:available:)``.
  package init(byteCount: Int, available: Int = SystemMemory.available()) throws(InferenceError) {
    self.byteCount = byteCount
    self.available = available
    guard byteCount <= available else { throw tooLittle }
  }

  deinit { for piece in pieces { free(piece) } }

  /// Room for `count` elements of no value.
  ///
  /// - Throws: ``InferenceError/workspaceDoesNotFit(bytes:available:)``.
  package func take<Element>(_ count: Int) throws(InferenceError) -> UnsafeMutablePointer<Element> {
    var piece: UnsafeMutableRawPointer?
    let code = posix_memalign(&piece, 64, max(1, count) * MemoryLayout<Element>.stride)
    guard code == 0, let piece else { throw tooLittle }
    pieces.append(piece)
    return piece.bindMemory(to: Element.self, capacity: count)
  }

  private var tooLittle: InferenceError {
    .workspaceDoesNotFit(bytes: byteCount, available: available)
  }
}
