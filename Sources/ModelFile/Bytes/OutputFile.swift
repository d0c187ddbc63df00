/// A file that appears under its name only when it is complete.
///
/// It grows as `.NAME.part-PID` in the same directory; ``commit()`` flushes it to the disk and renames it. Any
/// failure, ``discard()`` and the end of the value remove it, and an existing file of the final name stays as it
/// was. Where a file of the temporary name is left of a killed run, as in containers, whose processes have the same
/// few numbers, `-2` to `-100` are tried.
package final class OutputFile {
  /// One attempt to write; may be short or interrupted.
  package typealias Write = (Int32, UnsafeRawBufferPointer) throws(SystemError) -> Int

  package let path: String
  package let temporaryPath: String
  private let directory: String
  /// `nil` once committed or discarded.
  private var descriptor: Int32?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
  private var buffered = 0
  private let write: Write

  /// Creates the temporary file.
  ///
  /// - Parameters:
  ///   - size: Bytes that will be written, to refuse a disk that has no room for them.
  ///   - isPrivate: Whether only its owner may read it.
  ///   - write: The system's `write`, or a test's.
  package init(
    path: String, size: Int, isPrivate: Bool = false, write: @escaping Write = System.write
  ) throws(ModelFileError) {
    let slash = path.lastIndex(of: "/")
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    let prefix = slash.map { path[...$0] } ?? ""
    self.path = path
    self.write = write
    directory = prefix.isEmpty ? "." : String(prefix)
    let part = "\(prefix).\(name).part-\(System.processID)"
    guard !name.isEmpty else {
      throw ModelFileError("is not the name of a file", path: path, kind: .usage)
    }
    if let free = System.freeBytes(at: directory), free < size {
      throw ModelFileError(
        "needs \(SizeText.bytes(size)), \(SizeText.bytes(free)) free on \(directory)", path: path,
        kind: .doesNotFit)
    }
    (temporaryPath, descriptor) = try Self.create(part, for: path, isPrivate: isPrivate)
  }

  /// The most leftovers of one name that are stepped over.
  private static let attempts = 100

  private static func create(
    _ part: String, for path: String, isPrivate: Bool
  ) throws(ModelFileError) -> (path: String, descriptor: Int32) {
    for attempt in 1...attempts {
      let candidate = attempt == 1 ? part : "\(part)-\(attempt)"
      do throws(SystemError) {
        return (candidate, try System.createForWriting(candidate, mode: isPrivate ? 0o600 : 0o644))
      } catch {
        guard error.isExistingFile else {
          throw ModelFileError("cannot be created", error, path: path, kind: .running)
        }
      }
    }
    throw ModelFileError(
      "cannot be written: \(part) and \(attempts - 1) more exist, left by other runs; remove them",
      path: path, kind: .usage)
  }

  deinit {
    discard()
    buffer.deallocate()
  }

  /// Writes a small file at once, replacing one of the same name.
  package static func write(
    _ bytes: [UInt8], to path: String, isPrivate: Bool = false
  ) throws(ModelFileError) {
    let file = try OutputFile(path: path, size: bytes.count, isPrivate: isPrivate)
    try file.append(bytes)
    try file.commit()
  }

  /// Appends bytes.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    if bytes.count > buffer.count - buffered { try flush() }
    guard bytes.count <= buffer.count else { return try writeAll(bytes) }
    UnsafeMutableRawBufferPointer(rebasing: buffer[buffered...]).copyMemory(from: bytes)
    buffered += bytes.count
  }

  /// Appends bytes.
  package func append(_ bytes: [UInt8]) throws(ModelFileError) {
    try bytes.withUnsafeBufferPointer { view throws(ModelFileError) in
      try append(UnsafeRawBufferPointer(view))
    }
  }

  /// Flushes everything to the disk: what could fail of ``commit()`` for want of room.
  package func flushToDisk() throws(ModelFileError) {
    try flush()
    guard let descriptor else { throw givenUp }
    do throws(SystemError) {
      try System.sync(descriptor)
    } catch {
      discard()
      throw ModelFileError("cannot be completed", error, path: path, kind: .running)
    }
  }

  /// Flushes everything to the disk, gives the file its name, and makes the name durable.
  package func commit() throws(ModelFileError) {
    try flushToDisk()
    guard let descriptor else { throw givenUp }
    do throws(SystemError) {
      self.descriptor = nil
      try System.close(descriptor)
      try System.rename(temporaryPath, to: path)
    } catch {
      System.remove(temporaryPath)
      throw ModelFileError("cannot be completed", error, path: path, kind: .running)
    }
    // The file is complete; a directory that cannot be synced (some network mounts) changes nothing.
    if let parent = try? System.openForReading(directory) {
      try? System.sync(parent)
      try? System.close(parent)
    }
  }

  /// Removes the temporary file; does nothing after ``commit()``.
  package func discard() {
    guard let descriptor else { return }
    self.descriptor = nil
    try? System.close(descriptor)
    System.remove(temporaryPath)
  }

  private var givenUp: ModelFileError {
    ModelFileError("writing was ended before", path: path, kind: .running)
  }

  private func flush() throws(ModelFileError) {
    let full = UnsafeRawBufferPointer(rebasing: buffer[..<buffered])
    buffered = 0
    try writeAll(full)
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    guard let descriptor else { throw givenUp }
    var rest = bytes
    while !rest.isEmpty {
      do throws(SystemError) {
        let written = try write(descriptor, rest)
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      } catch {
        if error.isInterrupted { continue }
        discard()
        throw ModelFileError("cannot be written", error, path: path, kind: .running)
      }
    }
  }
}
