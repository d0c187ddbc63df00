import ModelFile
import Testing

@testable import Chat

@Suite struct SettingsTests {
  @Test(arguments: [
    (Settings.Key.temp, "0.9", "0.90"), (.temp, "0", "0.00"), (.temp, "-0", "0.00"),
    (.temp, "2", "2.00"), (.temp, "1e-3", "0.001"), (.temp, ".5", "0.50"),
    (.temp, "0.125", "0.125"), (.topp, "1", "1.00"), (.topp, "0.05", "0.05"), (.seed, "0", "0"),
    (.seed, "18446744073709551615", "18446744073709551615"), (.max, "0", "0"), (.max, "100", "100"),
    (.stats, "off", "off"), (.tags, "allow", "allow"),
  ])
  func takesValues(key: Settings.Key, text: String, shown: String) throws {
    var settings = Settings(capacity: 100)
    try settings.set(key, to: text)
    #expect(settings.text(of: key) == shown)
    let before = settings
    try settings.set(key, to: shown)
    #expect(settings == before)
  }

  @Test(arguments: [
    (Settings.Key.temp, "hot", "must be 0…2, got \"hot\""), (.temp, "", "must be 0…2, got \"\""),
    (.temp, "nan", "must be 0…2, got \"nan\""), (.temp, "inf", "must be 0…2, got \"inf\""),
    (.temp, "9e99", "must be 0…2, got \"9e99\""), (.temp, "0x1p0", "must be 0…2, got \"0x1p0\""),
    (.temp, "-0.1", "must be 0…2, got \"-0.1\""), (.temp, "2.01", "must be 0…2, got \"2.01\""),
    (.temp, "0.9x", "must be 0…2, got \"0.9x\""), (.temp, "０.５", "must be 0…2, got \"０.５\""),
    (.temp, "0,7", "must be 0…2, got \"0,7\" — did you mean 0.7?"),
    (.topp, "90", "must be in (0, 1], got \"90\" — did you mean 0.9?"),
    (.topp, "0", "must be in (0, 1], got \"0\""),
    (.topp, "1e-60", "must be in (0, 1], got \"1e-60\""),
    (.topp, "101", "must be in (0, 1], got \"101\""),
    (.seed, "-1", "must be 0…18446744073709551615 or \"random\", got \"-1\""),
    (
      .seed, "18446744073709551616",
      "must be 0…18446744073709551615 or \"random\", got \"18446744073709551616\""
    ),
    (.max, "101", "must be 0…100 tokens, 0 for no limit, got \"101\""),
    (.max, "-1", "must be 0…100 tokens, 0 for no limit, got \"-1\""),
    (.max, "1.5", "must be 0…100 tokens, 0 for no limit, got \"1.5\""),
    (.stats, "yes", "must be on or off, got \"yes\""),
    (.tags, "on", "must be allow or refuse, got \"on\""),
  ])
  func refusesValues(key: Settings.Key, text: String, reason: String) {
    var settings = Settings(capacity: 100)
    let before = settings
    let error = #expect(throws: SettingError.self) { try settings.set(key, to: text) }
    #expect(error?.reason == reason)
    #expect(error?.place == key.rawValue)
    #expect(error?.kind == .usage)
    #expect(settings == before)
  }

  @Test func randomSeedsDiffer() throws {
    var settings = Settings(capacity: 100)
    var seeds: Set<UInt64> = [settings.seed]
    for _ in 0..<8 {
      try settings.set(.seed, to: "random")
      seeds.insert(settings.seed)
    }
    #expect(seeds.count > 1)
  }
}
