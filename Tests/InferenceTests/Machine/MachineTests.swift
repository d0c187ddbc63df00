import ModelFile
import Testing

@testable import Inference

/// What the kernel's files say of this machine.
@Suite struct MachineTests {
  @Test(
    arguments: [
      ("max 100000", nil), ("400000 100000", 4), ("150000 100000", 2), ("1000 100000", 1),
      ("100000 100000", 1), ("0 100000", nil), ("-1 100000", nil), ("100000 0", nil),
      ("nan 1", nil), ("9223372036854775807 1", .max), ("100000", nil), ("", nil),
    ] as [(String, Int?)])
  func quotasAreProcessors(text: String, processors: Int?) {
    #expect(Processors.allowed(byQuota: text) == processors)
  }

  @Test(
    arguments: [
      ("0", 1), ("\t0-3", 4), ("0-1,8,10-11", 5), ("", nil), ("3-1", nil), ("0-x", nil),
      ("0-99999999999", nil),
    ] as [(String, Int?)])
  func listsAreCounted(text: String, processors: Int?) {
    #expect(Processors.count(ofList: text) == processors)
  }

  private static let membership = """
    12:memory:/docker/ab
    5:cpu,cpuacct:/
    1:name=systemd:/x:y
    0::/user.slice/app.scope

    """

  @Test(
    arguments: [
      (nil, ["/user.slice/app.scope", "/user.slice", ""]),
      ("memory", ["/memory/docker/ab", "/memory/docker", "/memory"]), ("cpu", ["/cpu"]),
      ("cpuacct", ["/cpuacct"]), ("cp", []), ("pids", []),
    ] as [(String?, [String])])
  func groupsAreInsideOthers(controller: String?, folders: [String]) {
    let found = ControlGroup.folders(accordingTo: Self.membership, controller: controller)
    #expect(found == folders.map { "/sys/fs/cgroup" + $0 })
  }

  @Test(arguments: ["", "0:", "0::", "::", "0::relative", "x\n\n"])
  func damagedMembershipIsNone(text: String) {
    #expect(ControlGroup.folders(accordingTo: text) == [])
  }

  @Test func thereIsAProcessor() {
    #expect(Processors.available >= 1)
    #expect(Engine.maximumThreads >= Processors.available)
  }

  @Test(
    arguments: [
      ("MemTotal:  16 kB\nMemFree: 1 kB\nMemAvailable:    12 kB\n", 12 * 1024),
      ("MemAvailable: 9223372036854775807 kB", nil), ("MemAvailable: x kB", nil),
      ("MemAvailable:", nil), ("", nil),
    ] as [(String, Int?)])
  func availableMemoryIsFound(meminfo: String, bytes: Int?) {
    #expect(SystemMemory.available(accordingTo: meminfo) == bytes)
  }

  @Test(
    arguments: [
      ("1000", "400", "", 600), ("1000", "1200", "", 0), ("max", "400", "", nil),
      ("1000", "x", "", nil),
      // Pages of files give way.
      ("1000", "900", "anon 300\ninactive_file 400\nactive_file 200", 700),
      ("1000", "900", "active_file 9223372036854775807\ninactive_file 9", 1000),
    ] as [(String, String, String, Int?)])
  func groupsLeaveMemory(limit: String, used: String, statistics: String, left: Int?) {
    #expect(SystemMemory.left(limit: limit, used: used, statistics: statistics) == left)
  }

  /// Two parts of one mapping, another's between them.
  private static let maps = """
    1000-3000 r--s 00000000 08:01 12                         /models/a b.bin
    Size:                  8 kB
    Rss:                   4 kB
    Pss:                   4 kB
    3000-4000 rw-p 00000000 00:00 0
    Rss:                   4 kB
    4000-8000 r--s 00002000 08:01 12                         /models/a b.bin
    Rss:                   8 kB
    VmFlags: rd mr me

    """

  @Test(
    arguments: [
      (0x1000..<0x3000, 4096), (0x3000..<0x4000, 4096), (0x1000..<0x8000, 16384),
      (0x9000..<0xA000, nil),
    ] as [(Range<UInt>, Int?)])
  func residentPagesAreOfTheMapping(addresses: Range<UInt>, bytes: Int?) {
    #expect(ProcessMemory.resident(in: addresses, accordingTo: Self.maps) == bytes)
  }

  @Test(.enabled(if: KernelFile.read("/proc/self/smaps") != nil))
  func thisProcessIsInMemory() throws {
    let engine = try TinyEngine(.v1).engine
    _ = try engine.forward([1], cache: KVCache(config: engine.model.config, capacity: 8))
    let bytes = engine.model.checkpoint.bytes
    let resident = try #require(ProcessMemory.resident(in: bytes))
    #expect(resident > 0)
    #expect(resident <= bytes.count + 65536)
    #expect(try #require(ProcessMemory.resident) > resident)
    #expect(try #require(ProcessMemory.peak) > resident)
  }

  @Test(
    arguments: [
      (
        "1000000000           unlimited", "VmSize:\t  200000 kB",
        1_000_000_000 - 204_800_000 - 33_554_432
      ),
      ("1000000              2000000", "VmSize: 2000 kB", 0),
      ("unlimited  unlimited", "VmSize: 1 kB", nil),
      ("1000", "VmRSS: 1 kB", nil), ("", "VmSize: 1 kB", nil),
    ] as [(String, String, Int?)])
  func limitsLeaveMemory(limit: String, status: String, left: Int?) {
    let limits = "Limit   Soft Limit   Hard Limit\nMax address space         \(limit)   bytes\n"
    #expect(SystemMemory.left(limits: limits, status: status) == left)
  }

  @Test func thereIsMemory() {
    #expect(SystemMemory.available() > 0)
  }
}
