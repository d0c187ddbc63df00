import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import OpenCLDevice

@Suite(.enabled(if: TestDevices.isAvailable, TestDevices.reason), .serialized)
struct DeviceTests {
  @Test func devicesAreDescribed() throws {
    for (index, device) in TestDevices.all.enumerated() {
      #expect(device.label == "gpu:\(index)")
      #expect(!device.name.isEmpty && !device.platform.isEmpty)
      #expect(device.memory > 0 && device.largestBuffer > 0 && device.computeUnits > 0)
    }
    #expect(
      throws: DeviceError.noDevice(asked: 99, count: TestDevices.all.count)
    ) { try Device.numbered(99) }
  }

  @Test(arguments: [
    ("cpu", DeviceChoice.cpu), ("gpu", .gpu(0)), ("gpu:0", .gpu(0)), ("gpu:12", .gpu(12)),
    ("gpu:", nil), ("gpu:-1", nil), ("GPU", nil), ("gpu1", nil), ("", nil), ("cuda", nil),
  ])
  func choicesAreRead(_ text: String, _ expected: DeviceChoice?) {
    #expect(DeviceChoice(text) == expected)
    if let expected { #expect(DeviceChoice(expected.name) == expected) }
  }

  /// What the compiler warns of is kept; other tests see that no kernel makes it warn.
  @Test func warningsAreKept() throws {
    let useless = "int useless(int x) { x == 1; return x; }\n"
    let tiny = try TinyDevice(Shape.all[0], prelude: useless)
    #expect(tiny.backend.buildLog.contains("unused"))
  }

  @Test func brokenKernelsAreReported() throws {
    let queue = try TestDevices.queue()
    do {
      _ = try DeviceProgram(
        "__kernel void broken() { nonsense; }", options: "-cl-std=CL1.2", queue: queue, cache: nil)
      Issue.record("it was built")
    } catch {
      guard case .buildFailed(_, let log) = error else { throw error }
      #expect(log.contains("nonsense"))
      #expect(error.kind == .running)
    }
  }

  @Test func builtKernelsAreKept() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.file("cache")
    let queue = try TestDevices.queue()
    func build(_ value: Int = 7) throws -> DeviceProgram {
      try DeviceProgram(
        Self.filling, options: "-cl-std=CL1.2 -DVALUE=\(value)", queue: queue,
        cache: ProgramCache(folder: folder))
    }
    func check(_ program: DeviceProgram, _ value: Int32) throws {
      let buffer = try DeviceBuffer(queue, byteCount: 16)
      try queue.launch(program.kernel("fill"), groups: (1, 1, 1), items: 4, [.buffer(buffer)])
      var found = [Int32](repeating: 0, count: 4)
      try found.withUnsafeMutableBytes { try queue.read(buffer, into: $0) }
      #expect(found == [value, value, value, value])
    }
    try check(build(), 7)
    #expect(try build().isFromCache)
    try check(build(), 7)
    // Other options are another program.
    #expect(try !build(8).isFromCache)
    try check(build(8), 8)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(names.count == 2)
    // A damaged file is not used, and replaced.
    for name in names {
      var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
      bytes[bytes.count / 2] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    #expect(try !build().isFromCache)
    #expect(try build().isFromCache)
    try check(build(), 7)
    // Nor is one that is whole, but of another kind of device.
    let key = ProgramCache.key(
      source: Self.filling, options: "-cl-std=CL1.2 -DVALUE=7", device: queue.device)
    ProgramCache(folder: folder).keep([UInt8](repeating: 0x7F, count: 4096), for: key)
    #expect(try !build().isFromCache)
    try check(build(), 7)
    #expect(try build().isFromCache)
  }

  private static let filling =
    "__kernel void fill(__global int *out) { out[get_global_id(0)] = VALUE; }"

  @Test func memoryIsCounted() throws {
    let tiny = try TinyDevice(Shape.all[0])
    let before = tiny.backend.availableMemory
    var cache: KVCache? = try tiny.gpu.makeCache(capacity: 128)
    #expect(tiny.backend.availableMemory <= before - (cache?.byteCount ?? 0))
    cache = nil
    #expect(tiny.backend.availableMemory == before)
    #expect(throws: InferenceError.self) { try tiny.gpu.makeCache(capacity: 1 << 40) }
  }

  @Test func launchesAreFew() throws {
    for shape in [Shape.all[0], Shape.all[4]] {
      let tiny = try TinyDevice(shape)
      let cache = try tiny.gpu.makeCache(capacity: 16)
      _ = try tiny.gpu.forward([1, 2], cache: cache)
      let before = tiny.backend.launches
      _ = try tiny.gpu.forward([3], cache: cache)
      let launches = tiny.backend.launches - before
      #expect(launches <= 3 + 8 * tiny.cpu.model.config.layers)
      #expect(launches > 5 * tiny.cpu.model.config.layers)
    }
  }

  @Test func uploadTellsHowFarItIs() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("tiny.bin")
    try TinyModel.write(to: path)
    let model = Model(checkpoint: try Checkpoint(path: path))
    var last = (0, 0)
    _ = try DeviceBackend(model, on: TestDevices.first()) { done, total in
      #expect(done > last.0)
      last = (done, total)
    }
    #expect(last.0 == last.1 && last.1 == DeviceNeeds.weightBytes(model, keepsHalves: false))
    let interrupt = InterruptFlag()
    interrupt.raise()
    #expect(throws: Interrupted.self) {
      try DeviceBackend(model, on: TestDevices.first(), interrupt: interrupt)
    }
  }
}
