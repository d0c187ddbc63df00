/// A regular file read from its start to its end, never mapped: a file that is cut short meanwhile is an
/// error, not a signal.
package final class SequentialReader {
  /// The path it was opened with.
  package let path: String
  /// What the system knew of the file when it was opened.
  package let status: FileStatus
  /// Index of the next byte.
  package private(set) var offset = 0
  /// The checksum of all bytes read so far.
  package var checksum: UInt32 { crc.value }
  private var crc = CRC32()
  private let descriptor: Int32

  /// Opens a file; a directory, a pipe or a device is refused.
  ///
  /// - Parameter limit: The most bytes such a file can have.
  /// - Throws: ``ModelFileError``.
  package init(path: String, limit: Int = .max) throws(ModelFileError) {
    self.path = path
    do throws(SystemError) {
      descriptor = try System.openForReading(path)
    } catch {
      throw ModelFileError("cannot be opened", error, path: path)
    }
    do throws(ModelFileError) {
      status = try Self.status(of: descriptor, path: path, limit: limit)
    } catch {
      try? System.close(descriptor)
      throw error
    }
  }

  deinit { try? System.close(descriptor) }

  /// Bytes of the file when it was opened.
  package var size: Int { status.version.size }

  /// Fills `buffer` with the next bytes.
  ///
  /// - Throws: ``ModelFileError`` when there are fewer, or they cannot be read.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError) {
    let done: Int
    do throws(SystemError) {
      done = try System.readFully(descriptor, at: offset, into: buffer)
    } catch {
      throw ModelFileError("cannot be read", error, path: path, kind: .running)
    }
    guard done == buffer.count else {
      throw ModelFileError(
        "ends at byte \(SizeText.grouped(offset + done)); expected"
          + " \(SizeText.grouped(offset + buffer.count)) bytes", path: path)
    }
    offset += done
    crc.update(UnsafeRawBufferPointer(buffer))
  }

  /// The next `count` bytes.
  ///
  /// - Throws: ``ModelFileError`` when there are fewer; nothing is allocated for a count beyond the file.
  package func read(count: Int) throws(ModelFileError) -> [UInt8] {
    guard count >= 0, count <= size - offset else {
      throw ModelFileError(
        "is \(SizeText.grouped(size)) bytes; expected \(SizeText.grouped(max(0, count))) more after"
          + " byte \(SizeText.grouped(offset))", path: path)
    }
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBufferPointer { view throws(ModelFileError) in
      try read(into: UnsafeMutableRawBufferPointer(view))
    }
    return bytes
  }

  private static func status(
    of descriptor: Int32, path: String, limit: Int
  ) throws(ModelFileError) -> FileStatus {
    let status = try FileStatus.ofRegularFile(descriptor, path: path)
    guard status.version.size <= limit else {
      throw ModelFileError(
        "is \(SizeText.bytes(status.version.size)); expected at most \(SizeText.bytes(limit))",
        path: path)
    }
    return status
  }
}
