import ModelFile

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A regular file read with `pread`, never mapped: what is read is all that is ever in memory.
final class InputFile: Sendable {
  let path: String
  let size: Int
  private let descriptor: Int32
  private let identity: Identity

  /// What tells one state of a file from another.
  private struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var modifiedSeconds: Int
    var modifiedNanoseconds: Int

    init(_ status: stat) {
      device = UInt64(truncatingIfNeeded: status.st_dev)
      inode = UInt64(status.st_ino)
      size = Int64(status.st_size)
      #if canImport(Darwin)
        modifiedSeconds = status.st_mtimespec.tv_sec
        modifiedNanoseconds = status.st_mtimespec.tv_nsec
      #else
        modifiedSeconds = status.st_mtim.tv_sec
        modifiedNanoseconds = status.st_mtim.tv_nsec
      #endif
    }
  }

  /// Opens a file for reading; a directory, a pipe or a device is refused.
  init(path: String) throws {
    // O_NONBLOCK: opening a pipe must not wait for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw ConversionError(place: path, reason: describe(errno), kind: .damagedFile)
    }
    var status = stat()
    let result = fstat(descriptor, &status)
    let format = status.st_mode & S_IFMT
    guard result == 0, format == S_IFREG else {
      let reason =
        result != 0
        ? describe(errno)
        : format == S_IFDIR
          ? "is a directory; expected a GGUF file"
          : "is not a regular file; expected a GGUF file"
      close(descriptor)
      throw ConversionError(place: path, reason: reason, kind: .damagedFile)
    }
    // Far above any model, and low enough for sums of places in the file.
    guard status.st_size < 1 << 56 else {
      close(descriptor)
      throw ConversionError(
        place: path, reason: "is \(status.st_size) bytes; no model is that large",
        kind: .damagedFile)
    }
    self.path = path
    self.descriptor = descriptor
    self.identity = Identity(status)
    self.size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// An error about this file's content.
  func damaged(_ reason: String) -> ConversionError {
    ConversionError(place: path, reason: reason, kind: .damagedFile)
  }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// - Throws: ``ConversionError`` when the file ends before the buffer is full or cannot be read.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
      if count > 0 {
        done += count
      } else if count == 0 {
        throw damaged("ends at byte \(offset + done); it was \(size) bytes when it was opened")
      } else if errno != EINTR {
        throw ConversionError(place: path, reason: describe(errno), kind: .running)
      }
    }
  }

  /// Checks that the file is as it was when it was opened.
  func checkUnchanged() throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0, Identity(status) == identity else {
      throw damaged("was changed while it was being read; start again when it is complete")
    }
  }
}

/// The system's sentence for an `errno` value.
private func describe(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "system error \(code)" }
  return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
