import ArgumentParser

/// Reads an option's number, and says what it must be when it is another.
func numberArgument<Number: LosslessStringConvertible & Sendable>(
  expected: String, where isValid: @escaping @Sendable (Number) -> Bool = { _ in true }
) -> @Sendable (String) throws -> Number {
  { text in
    guard let number = Number(text), isValid(number) else {
      throw ValidationError("must be \(expected)")
    }
    return number
  }
}
