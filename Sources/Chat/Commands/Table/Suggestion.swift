/// The known name a mistyped one probably means: one it begins, or one at most two slips away.
func closest(to name: String, among known: [String]) -> String? {
  guard !name.isEmpty else { return nil }
  if let begun = known.first(where: { $0.hasPrefix(name) }) { return begun }
  let near = known.map { (name: $0, slips: editDistance(name, $0)) }.min { $0.slips < $1.slips }
  guard let near, near.slips <= 2, near.slips < name.count else { return nil }
  return near.name
}

/// How many slips of the fingers turn one word into the other: a letter added, left out, changed, or
/// swapped with its neighbour.
func editDistance(_ first: String, _ second: String) -> Int {
  let a = Array(first)
  let b = Array(second)
  // distance[i][j] is that of the first i letters of a to the first j of b.
  var distance = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
  for i in 0...a.count { distance[i][0] = i }
  for j in 0...b.count { distance[0][j] = j }
  for i in a.indices {
    for j in b.indices {
      var best = min(distance[i][j + 1], distance[i + 1][j]) + 1
      best = min(best, distance[i][j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        best = min(best, distance[i - 1][j - 1] + 1)
      }
      distance[i + 1][j + 1] = best
    }
  }
  return distance[a.count][b.count]
}
