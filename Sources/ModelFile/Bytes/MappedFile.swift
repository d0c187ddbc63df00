/// A regular file mapped read-only; the mapping lives as long as the value.
///
/// The file stays open too, so that renaming or removing it does no harm. Only truncating it in place
/// does (the next touch of a lost page raises SIGBUS): see ``checkUnchanged()``.
public final class MappedFile: Sendable {
  /// The path it was opened with.
  public let path: String
  /// The whole file; valid while this value lives.
  ///
  /// Safe to share: nothing writes to the pages.
  public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
  private let descriptor: Int32
  private let version: FileStatus.Version

  /// Opens and maps a file.
  ///
  /// - Throws: ``ModelFileError`` when it is missing, unreadable, or not a regular file.
  public init(path: String) throws(ModelFileError) {
    self.path = path
    do throws(SystemError) {
      descriptor = try System.openForReading(path)
    } catch {
      throw ModelFileError("cannot be opened", error, path: path)
    }
    do throws(ModelFileError) {
      (version, bytes) = try MappedFile.map(descriptor, path: path)
    } catch {
      try? System.close(descriptor)
      throw error
    }
  }

  deinit {
    System.unmap(bytes)
    try? System.close(descriptor)
  }

  /// Bytes of the file.
  public var count: Int { bytes.count }

  /// Checks that the file's size and modification time are those it was opened with.
  public func checkUnchanged() throws(ModelFileError) {
    let now: FileStatus
    do throws(SystemError) {
      now = try System.status(of: descriptor)
    } catch {
      throw ModelFileError("cannot be examined", error, path: path)
    }
    guard now.version == version else {
      throw ModelFileError(
        "was changed while in use (\(SizeText.grouped(version.size)) bytes when opened,"
          + " \(SizeText.grouped(now.version.size)) now); start again", path: path)
    }
  }

  /// Whether the file has lost bytes since it was opened: touching their pages ends the program.
  public var isCutShort: Bool {
    guard let now = try? System.status(of: descriptor) else { return false }
    return now.version.size < version.size
  }

  private static func map(
    _ descriptor: Int32, path: String
  ) throws(ModelFileError) -> (FileStatus.Version, UnsafeRawBufferPointer) {
    let status = try FileStatus.ofRegularFile(descriptor, path: path)
    // An empty mapping is an error to mmap.
    let size = status.version.size
    guard size > 0 else { return (status.version, UnsafeRawBufferPointer(start: nil, count: 0)) }
    do throws(SystemError) {
      return (status.version, try System.map(descriptor, count: size))
    } catch {
      throw ModelFileError("cannot be mapped", error, path: path)
    }
  }
}

extension FileStatus {
  /// The status of an open file, which must be a regular one.
  static func ofRegularFile(
    _ descriptor: Int32, path: String
  ) throws(ModelFileError) -> FileStatus {
    let status: FileStatus
    do throws(SystemError) {
      status = try System.status(of: descriptor)
    } catch {
      throw ModelFileError("cannot be examined", error, path: path)
    }
    switch status.kind {
    case .regular: return status
    case .directory: throw ModelFileError("is a directory, not a file", path: path)
    case .other:
      throw ModelFileError("is not a regular file (a FIFO, socket or device)", path: path)
    }
  }
}
