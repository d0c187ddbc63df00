import ModelFile

/// A regular file read with `pread`, never mapped: what is read is all that is ever in memory.
final class InputFile: Sendable {
  let path: String
  /// Bytes of the file when it was opened.
  let size: Int
  private let descriptor: Int32
  private let version: FileStatus.Version

  /// Opens a file for reading; a directory, a pipe or a device is refused.
  init(path: String) throws {
    self.path = path
    do throws(SystemError) {
      descriptor = try System.openForReading(path)
    } catch {
      throw Self.damaged(path, "cannot be opened: \(error.text)")
    }
    do {
      version = try Self.version(of: descriptor, path)
    } catch {
      try? System.close(descriptor)
      throw error
    }
    size = version.size
  }

  deinit { try? System.close(descriptor) }

  private static func version(of descriptor: Int32, _ path: String) throws -> FileStatus.Version {
    let status: FileStatus
    do throws(SystemError) {
      status = try System.status(of: descriptor)
    } catch {
      throw damaged(path, "cannot be examined: \(error.text)")
    }
    switch status.kind {
    case .regular: break
    case .directory: throw damaged(path, "is a directory; expected a file")
    case .other: throw damaged(path, "is not a regular file; expected a model")
    }
    // Far above any model, and low enough for sums of places in the file.
    guard status.version.size < 1 << 56 else {
      throw damaged(path, "is \(status.version.size) bytes; no model is that large")
    }
    return status.version
  }

  private static func damaged(_ path: String, _ reason: String) -> ConversionError {
    ConversionError(place: path, reason: reason, kind: .damagedFile)
  }

  /// An error about this file's content.
  func damaged(_ reason: String) -> ConversionError {
    Self.damaged(path, reason)
  }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// - Throws: ``ConversionError`` when the file ends before the buffer is full or cannot be read.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let done: Int
    do throws(SystemError) {
      done = try System.readFully(descriptor, at: offset, into: buffer)
    } catch {
      throw ConversionError(place: path, reason: "cannot be read: \(error.text)", kind: .running)
    }
    guard done == buffer.count else {
      throw damaged("ends at byte \(offset + done); it was \(size) bytes when it was opened")
    }
  }

  /// The bytes from `offset` on, which must be few: they are all in memory.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { try read(at: offset, into: $0) }
    return bytes
  }

  /// All bytes of a small file.
  ///
  /// - Throws: ``ConversionError`` when it has more than `limit` bytes.
  func contents(limit: Int) throws -> [UInt8] {
    guard size <= limit else {
      throw damaged(
        "is \(SizeText.bytes(size)); at most \(SizeText.bytes(limit)) are accepted for such a file")
    }
    return try bytes(at: 0, count: size)
  }

  /// What changes whenever the file's content does.
  var fingerprint: String {
    "\(version.size) \(version.seconds).\(version.nanoseconds)"
  }

  /// Checks that the file is as it was when it was opened.
  func checkUnchanged() throws {
    guard (try? System.status(of: descriptor))?.version == version else {
      throw damaged("was changed while it was being read; start again when it is complete")
    }
  }
}
