import ModelFile
import TestSupport
import Testing

@testable import Conversion

/// Files that are well formed, but whose model or tokenizer would come out wrong.
@Suite struct RefusedModelTests {
  @Test(arguments: SourceDamage.refusedModels) func refusesModel(damage: SourceDamage) throws {
    try damage.check()
  }

  @Test(arguments: SourceDamage.refusedTokenizers) func refusesTokenizer(damage: SourceDamage)
    throws
  { try damage.check() }
}
