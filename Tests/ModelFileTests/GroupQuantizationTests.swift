import TestSupport
import Testing

@testable import ModelFile

@Suite("Group quantisation")
struct GroupQuantizationTests {
  private func quantize(_ values: [Float], groupSize: Int) -> (values: [Int8], scales: [Float]) {
    values.withUnsafeBufferPointer { GroupQuantization.quantize($0, groupSize: groupSize) }
  }

  @Test func halvesGoToTheEvenNeighbour() {
    let result = quantize([127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5], groupSize: 8)
    #expect(result.scales == [1])
    #expect(result.values == [127, 0, 2, 2, 0, -2, -2, 126])
  }

  @Test func extremeGroupsStayInRange() {
    let least = Float.leastNonzeroMagnitude
    let result = quantize(
      [0, -0.0, least, -least, 142 * least, -70 * least, .greatestFiniteMagnitude, -1], groupSize: 2
    )
    #expect(result.scales == [0, 0, least, .greatestFiniteMagnitude / 127])
    #expect(result.values == [0, 0, 0, 0, 127, -70, 127, 0])
  }

  @Test(arguments: [1, 4, 32, 64]) func equalsTheDefinition(groupSize: Int) {
    for values in TinyModel.weights().values.joined() {
      let result = quantize(values, groupSize: groupSize)
      for (group, scale) in result.scales.enumerated() {
        let range = (group * groupSize)..<((group + 1) * groupSize)
        let largest = values[range].map(abs).max() ?? 0
        let expected = values[range].map { Int8(($0 / scale).rounded(.toNearestOrEven)) }
        #expect(scale == largest / 127)
        #expect(result.values[range].elementsEqual(expected))
      }
    }
  }

  @Test(
    arguments: [
      ([], nil), ([0, -1, .greatestFiniteMagnitude], nil), ([1, .nan, .infinity], 1),
      ([-.infinity], 0), ([0, 0, -.nan], 2), ([.leastNonzeroMagnitude, .signalingNaN], 1),
    ] as [([Float], Int?)])
  func firstNonFinite(values: [Float], expected: Int?) {
    #expect(values.withUnsafeBufferPointer { $0.firstNonFinite } == expected)
  }
}
