import Foundation
import ModelFile

/// Built kernels, kept from run to run: one file a program, of what it was built from and the device's binary.
///
/// A file is only used whole and for exactly what it was built from. That something cannot be kept is no failure:
/// the next run builds again.
public struct ProgramCache: Sendable {
  private let folder: String
  private static let magic = Array("LCKB".utf8)

  /// Keeps programs in a folder, which is made when needed.
  public init(folder: String) { self.folder = folder }

  /// What a program is built from: any change of it needs another binary.
  static func key(source: String, options: String, device: Device) -> [UInt8] {
    let source = CRC32.checksum(source.utf8)
    return Array(
      [device.name, device.platform, device.driver, options, String(source)]
        .joined(separator: "\n").utf8)
  }

  /// The binary kept for a key; `nil` when there is none, or it is damaged.
  func binary(for key: [UInt8]) -> [UInt8]? {
    guard let data = FileManager.default.contents(atPath: path(for: key)) else { return nil }
    let bytes = [UInt8](data)
    let head = Self.head(for: key)
    guard bytes.count > head.count + 4, bytes.starts(with: head) else { return nil }
    let content = bytes.dropLast(4)
    var end: [UInt8] = []
    end.append(littleEndian: CRC32.checksum(content))
    return bytes.suffix(4).elementsEqual(end) ? Array(content.dropFirst(head.count)) : nil
  }

  /// Keeps a binary.
  func keep(_ binary: [UInt8], for key: [UInt8]) {
    var bytes = Self.head(for: key) + binary
    bytes.append(littleEndian: CRC32.checksum(bytes))
    // Only their owner may write them: a driver runs what is inside.
    try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    guard
      let file = try? OutputFile(path: path(for: key), size: bytes.count, isPrivate: true),
      (try? file.append(bytes)) != nil
    else { return }
    try? file.commit()
  }

  private static func head(for key: [UInt8]) -> [UInt8] {
    var head = magic
    head.append(littleEndian: UInt32(key.count))
    return head + key
  }

  private func path(for key: [UInt8]) -> String {
    // FNV-1a; the key itself is compared.
    let hash = key.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return folder + "/kernels-\(String(hash, radix: 16)).bin"
  }
}
