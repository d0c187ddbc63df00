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

  @Test func thereIsMemory() {
    #expect(SystemMemory.available() > 0)
  }
}
