#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

#if _endian(big)
  #error("Model files are little-endian and mapped as they are.")
#endif

/// A failed system call.
package struct SystemError: Error, Hashable {
  var code: Int32

  static var last: SystemError { SystemError(code: errno) }

  /// The system's own words.
  package var text: String { String(cString: strerror(code)) }
  var isInterrupted: Bool { code == EINTR }
  package var isMissingFile: Bool { code == ENOENT }
  var isExistingFile: Bool { code == EEXIST }
  /// No space, quota used up, past the largest file size, or no memory.
  var isFull: Bool { [ENOSPC, EDQUOT, EFBIG, ENOMEM].contains(code) }
}

/// What the system knows of a file.
package struct FileStatus: Hashable, Sendable {
  package enum Kind: Sendable { case regular, directory, other }
  /// Which file it is: equal only for the same file, whatever its names.
  package struct Identity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
  }
  /// Changes whenever the content does.
  package struct Version: Hashable, Sendable {
    package var size: Int
    /// When the content was last changed, since 1970.
    package var seconds: Int
    /// The part of a second besides.
    package var nanoseconds: Int
  }
  package var kind: Kind
  package var identity: Identity
  package var version: Version

  fileprivate init(_ status: stat) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: kind = .regular
    case S_IFDIR: kind = .directory
    default: kind = .other
    }
    identity = Identity(
      device: UInt64(truncatingIfNeeded: status.st_dev),
      inode: UInt64(truncatingIfNeeded: status.st_ino))
    #if canImport(Darwin)
      let modified = status.st_mtimespec
    #else
      let modified = status.st_mtim
    #endif
    version = Version(
      size: Int(status.st_size), seconds: modified.tv_sec, nanoseconds: modified.tv_nsec)
  }
}

/// Every system call on the files of models, so that one place knows C and `errno`.
package enum System {
  /// `open` for reading; does not wait for the writer of a FIFO.
  package static func openForReading(_ path: String) throws(SystemError) -> Int32 {
    try open(path, O_RDONLY | O_NONBLOCK, mode: 0)
  }

  /// `open` of a file that must not exist yet.
  static func createForWriting(
    _ path: String, mode: mode_t = 0o644
  ) throws(SystemError) -> Int32 {
    try open(path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
  }

  private static func open(
    _ path: String, _ flags: Int32, mode: mode_t
  ) throws(SystemError) -> Int32 {
    // C would see the path end at a NUL and open another file.
    guard !path.utf8.contains(0) else { throw SystemError(code: ENOENT) }
    while true {
      #if canImport(Darwin)
        let descriptor = Darwin.open(path, flags | O_CLOEXEC, mode)
      #elseif canImport(Glibc)
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
      #else
        let descriptor = Musl.open(path, flags | O_CLOEXEC, mode)
      #endif
      if descriptor >= 0 { return descriptor }
      let error = SystemError.last
      if !error.isInterrupted { throw error }
    }
  }

  package static func status(of path: String) throws(SystemError) -> FileStatus {
    guard !path.utf8.contains(0) else { throw SystemError(code: ENOENT) }
    var status = stat()
    guard stat(path, &status) == 0 else { throw SystemError.last }
    return FileStatus(status)
  }

  package static func status(of descriptor: Int32) throws(SystemError) -> FileStatus {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError.last }
    return FileStatus(status)
  }

  /// Maps the first `count` bytes, read-only; `count` must be positive.
  static func map(
    _ descriptor: Int32, count: Int
  ) throws(SystemError) -> UnsafeRawBufferPointer {
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
    else { throw SystemError.last }
    return UnsafeRawBufferPointer(start: base, count: count)
  }

  static func unmap(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
  }

  /// One `write`, which may be short or interrupted.
  package static func write(
    _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer
  ) throws(SystemError) -> Int {
    #if canImport(Darwin)
      let written = Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Glibc)
      let written = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #else
      let written = Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
    guard written >= 0 else { throw SystemError.last }
    return written
  }

  static func sync(_ descriptor: Int32) throws(SystemError) {
    while fsync(descriptor) != 0 {
      let error = SystemError.last
      if !error.isInterrupted { throw error }
    }
  }

  /// One `pread`, retried when interrupted; may be short, and is 0 at the end of the file.
  private static func read(
    _ descriptor: Int32, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemError) -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count >= 0 { return count }
      let error = SystemError.last
      if !error.isInterrupted { throw error }
    }
  }

  /// Reads from `offset` on until `buffer` is full or the file ends; how many bytes that was.
  package static func readFully(
    _ descriptor: Int32, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemError) -> Int {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = try read(descriptor, at: offset + done, into: rest)
      guard count > 0 else { break }
      done += count
    }
    return done
  }

  /// Never retried: the descriptor is gone even after an error.
  package static func close(_ descriptor: Int32) throws(SystemError) {
    #if canImport(Darwin)
      let result = Darwin.close(descriptor)
    #elseif canImport(Glibc)
      let result = Glibc.close(descriptor)
    #else
      let result = Musl.close(descriptor)
    #endif
    guard result == 0 || errno == EINTR else { throw SystemError.last }
  }

  static func rename(_ old: String, to new: String) throws(SystemError) {
    #if canImport(Darwin)
      let result = Darwin.rename(old, new)
    #elseif canImport(Glibc)
      let result = Glibc.rename(old, new)
    #else
      let result = Musl.rename(old, new)
    #endif
    guard result == 0 else { throw SystemError.last }
  }

  package static func remove(_ path: String) {
    unlink(path)
  }

  /// Bytes an ordinary user may still write on the file system of `path`; `nil` when it cannot say.
  package static func freeBytes(at path: String) -> Int? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    let (bytes, overflow) = UInt64(status.f_bavail)
      .multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? Int.max : Int(clamping: bytes)
  }

  package static var processID: Int32 { getpid() }
}
