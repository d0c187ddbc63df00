import COpenCL
import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import OpenCLDevice

/// Drivers that refuse what was asked of them, at any moment.
@Suite(.enabled(if: TestDevices.isAvailable, TestDevices.reason), .serialized)
struct FailureTests {
  /// Calls of OpenCL that go well before all others are refused, with what code.
  private enum Driver {
    nonisolated(unsafe) static var launches = Int.max
    nonisolated(unsafe) static var buffers = Int.max
    nonisolated(unsafe) static var code = Int32(-5)
    /// What devices say of themselves instead of the truth.
    nonisolated(unsafe) static var answers: [Int: UInt64] = [:]
    static let real = try? OpenCL.load()

    static func heal() { (launches, buffers, code, answers) = (.max, .max, -5, [:]) }

    /// This machine's library with these refusals.
    static func opencl() throws -> OpenCL {
      var opencl = try #require(real)
      opencl.functions.clEnqueueNDRangeKernel = {
        Driver.launches -= 1
        guard Driver.launches >= 0, let real = Driver.real else { return Driver.code }
        return real.functions.clEnqueueNDRangeKernel($0, $1, $2, $3, $4, $5, $6, $7, $8)
      }
      opencl.functions.clCreateBuffer = {
        Driver.buffers -= 1
        guard Driver.buffers >= 0, let real = Driver.real else {
          $4?.pointee = Driver.code
          return nil
        }
        return real.functions.clCreateBuffer($0, $1, $2, $3, $4)
      }
      opencl.functions.clGetDeviceInfo = { device, what, size, value, needed in
        guard let real = Driver.real else { return -30 }
        let code = real.functions.clGetDeviceInfo(device, what, size, value, needed)
        if let value, let answer = Driver.answers[Int(what)] {
          withUnsafeBytes(of: answer.littleEndian) {
            value.copyMemory(
              from: $0.baseAddress ?? UnsafeRawPointer(value), byteCount: min(size, 8))
          }
        }
        return code
      }
      return opencl
    }
  }

  /// Whatever launch of whatever token is refused, the cache is as before, and the pass can be repeated.
  @Test func aRefusedLaunchLeavesTheCacheAsItWas() throws {
    defer { Driver.heal() }
    let tiny = try TinyDevice(Shape.all[0], opencl: Driver.opencl())
    let tokens = tiny.tokens(40)
    let expected = try TinyDevice.logits(tiny.cpu, [tokens[0..<36], tokens[36...]])[1]
    let cache = try tiny.gpu.makeCache(capacity: 64)
    _ = try tiny.gpu.forward(tokens[0..<36], cache: cache)
    let before = tiny.backend.launches
    _ = try tiny.gpu.forward(tokens[36...], cache: cache)
    let launches = tiny.backend.launches - before
    #expect(launches > 10)
    for good in 0..<launches {
      cache.truncate(to: 36)
      Driver.launches = good
      do {
        _ = try tiny.gpu.forward(tokens[36...], cache: cache)
        Issue.record("launch \(good) was not refused")
      } catch let error as DeviceError {
        #expect(error.kind == .doesNotFit)
        #expect(error.description.hasPrefix("gpu:"))
        #expect(error.reason.contains("CL_OUT_OF_RESOURCES (-5)"), "\(error)")
        #expect(error.reason.contains("--device cpu"))
      }
      Driver.heal()
      #expect(cache.tokens == Array(tokens[0..<36]))
      #expect(Array(try tiny.gpu.forward(tokens[36...], cache: cache)) == expected)
    }
  }

  /// Memory that is refused is counted neither before nor after.
  @Test func refusedMemoryIsGivenBack() throws {
    defer { Driver.heal() }
    Driver.code = -4
    let tiny = try TinyDevice(Shape.all[0], opencl: Driver.opencl())
    let available = tiny.backend.availableMemory
    let buffers = tiny.cpu.model.config.layers + 1
    for good in 0..<buffers {
      Driver.buffers = good
      do {
        _ = try tiny.gpu.makeCache(capacity: 64)
        Issue.record("buffer \(good) was not refused")
      } catch let error as DeviceError {
        #expect(error.kind == .doesNotFit)
        #expect(error.reason.contains("CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)"), "\(error)")
      }
      #expect(tiny.backend.availableMemory == available)
    }
    Driver.heal()
    let cache = try tiny.gpu.makeCache(capacity: 64)
    #expect(throws: Never.self) { try tiny.gpu.forward(tiny.tokens(3), cache: cache) }
  }

  /// Devices that could not do it are refused before anything is built or uploaded.
  @Test(arguments: [
    (CL_DEVICE_COMPILER_AVAILABLE, UInt64(0), "has no compiler", FailureKind.running),
    (CL_DEVICE_MAX_WORK_GROUP_SIZE, 64, "takes 64 work items at once", .running),
    (CL_DEVICE_MAX_MEM_ALLOC_SIZE, 100_000, "the device takes 100 kB at most", .doesNotFit),
    (CL_DEVICE_GLOBAL_MEM_SIZE, 200_000, "200 kB are left; convert it to int8", .doesNotFit),
  ])
  func unsuitableDevicesAreRefused(
    _ what: Int, _ answer: UInt64, _ reason: String, _ kind: FailureKind
  ) throws {
    defer { Driver.heal() }
    Driver.answers = [what: answer]
    let device = try #require(try Device.all(Driver.opencl()).first)
    let directory = try TemporaryDirectory()
    try TinyModel.write(to: directory.file("tiny.bin"))
    let model = Model(checkpoint: try Checkpoint(path: directory.file("tiny.bin")))
    do {
      _ = try DeviceBackend(model, on: device)
      Issue.record("it was taken")
    } catch let error as DeviceError {
      #expect(error.place == "gpu:0" && error.reason.contains(reason), "\(error)")
      #expect(error.kind == kind && error.reason.contains("--device cpu"))
    }
  }

  /// A context that is too large is refused with what it takes in all, and the one that is advised fits.
  @Test func theAdvisedContextFits() throws {
    defer { Driver.heal() }
    Driver.answers = [CL_DEVICE_GLOBAL_MEM_SIZE: 6_000_000]
    let tiny = try limited(TinyModel.config)
    let available = tiny.backend.availableMemory
    let error = try #require(throws: InferenceError.self) {
      try tiny.engine.makeCache(capacity: 1 << 20)
    }
    guard case .cacheDoesNotFit(let bytes, available, 1 << 20, let fitting) = error else {
      throw error
    }
    // Beyond what an integer holds, and just below.
    for capacity in [Int.max, 1 << 60, 640_000_000_000_000, 1 << 33, 1 << 32] {
      #expect(throws: InferenceError.self) { try tiny.engine.makeCache(capacity: capacity) }
    }
    let layout = try #require(
      KVCache.byteCount(config: TinyModel.config, capacity: 1 << 20, type: .f32))
    #expect(bytes > layout)
    let cache = try tiny.engine.makeCache(capacity: fitting)
    #expect(tiny.backend.availableMemory < available / 2)
    withExtendedLifetime(cache) {}
  }

  /// What a context needs in one piece is told apart from a tensor, whose remedy is another.
  @Test func aContextThatIsOnePieceTooLargeIsRefused() throws {
    defer { Driver.heal() }
    Driver.answers = [CL_DEVICE_MAX_MEM_ALLOC_SIZE: 1_000_000]
    let tiny = try limited(TinyModel.config)
    let available = tiny.backend.availableMemory
    let error = try #require(throws: DeviceError.self) { try tiny.engine.makeCache(capacity: 8192) }
    #expect(
      error.reason.contains("the device takes 1.0 MB at most; try a smaller --ctx"), "\(error)")
    #expect(error.kind == .doesNotFit && error.place == "gpu:0")
    #expect(tiny.backend.availableMemory == available)
  }

  /// A model on the first device, which answers as ``Driver`` has it.
  private func limited(_ config: ModelConfig) throws -> (engine: Engine, backend: DeviceBackend) {
    let device = try #require(try Device.all(Driver.opencl()).first)
    let directory = try TemporaryDirectory()
    var config = config
    config.contextLength = 1 << 20
    try TinyModel.write(to: directory.file("tiny.bin"), config: config)
    let model = Model(checkpoint: try Checkpoint(path: directory.file("tiny.bin")))
    let backend = try DeviceBackend(model, on: device)
    let engine = try Engine(model: model, threads: 1)
    engine.use(backend)
    return (engine, backend)
  }

  @Test(
    arguments: [
      (nil, nil), ("", nil), ("0", 0), ("4000000000", 4_000_000_000),
    ] as [(String?, Int?)])
  func aLimitIsANumberOfBytes(_ value: String?, _ bytes: Int?) throws {
    #expect(try Device.memoryLimit(value) == bytes)
  }

  @Test(arguments: ["4G", "-1", "1e9", " 5", "99999999999999999999"])
  func anotherLimitIsRefused(_ value: String) throws {
    let error = #expect(throws: DeviceError.self) { try Device.memoryLimit(value) }
    #expect(error?.kind == .usage && error?.place == "LLAMA_CHAT_DEVICE_MEMORY")
    #expect(error?.reason.contains("got \"\(value)\"") == true)
  }

  /// An upload that does not come through ends with the same line.
  @Test func anUploadThatIsRefusedSaysSo() throws {
    defer { Driver.heal() }
    Driver.buffers = 5
    #expect {
      try TinyDevice(Shape.all[4], opencl: Driver.opencl())
    } throws: { error in
      (error as? DeviceError)?.reason.hasPrefix("clCreateBuffer failed with ") == true
    }
  }
}
