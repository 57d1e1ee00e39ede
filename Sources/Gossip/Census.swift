// Who lives and who doesn't, as lists of places in the roster, and whose turn it is to be on a page of digests.

import World

extension SeededRandom {
    /// Uniform in 0..<n, but for a bias below n/2^64.
    mutating func below(_ n: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(n)).high) }
}

/// Everybody in random order, again and again: each comes up once in every pass, so that nobody is left out for long by
/// bad luck.
struct Rotation: Sendable {
    private var order: [Int]
    private var cursor: Int

    init(_ places: [Int]) {
        order = places
        cursor = places.count
    }

    var count: Int { order.count }

    mutating func next(_ random: inout SeededRandom) -> Int? {
        guard !order.isEmpty else { return nil }
        if cursor == order.count {
            for i in stride(from: order.count - 1, to: 0, by: -1) { order.swapAt(i, random.below(i + 1)) }
            cursor = 0
        }
        defer { cursor += 1 }
        return order[cursor]
    }

    /// Whoever came up last comes up next.
    mutating func putBack() { cursor = max(cursor - 1, 0) }
}

struct Census: Sendable {
    /// Places of living and of other members, without this node.
    var live: [Int] = []
    var dead: [Int] = []
    /// The same, in turns.
    var liveTurns = Rotation([])
    var deadTurns = Rotation([])
    /// Members with news, this node perhaps among them.
    var hot: [Int] = []
    /// Somebody died or came to life since.
    var isStale = false
}

extension Gossiper {
    /// News counts as fresh for this many rounds: about as long as it takes to reach the last of 1,000 nodes.
    static let hotRounds: UInt64 = 12

    mutating func takeCensus() {
        census = Census()
        for i in roster.indices where i != selfIndex {
            if roster[i].isAlive { census.live.append(i) } else { census.dead.append(i) }
        }
        for i in roster.indices where roster[i].hotUntil > round { census.hot.append(i) }
        census.liveTurns = Rotation(census.live)
        census.deadTurns = Rotation(census.dead)
    }

    /// Puts a member's news ahead of others' in the coming digests.
    mutating func heat(_ i: Int) {
        if roster[i].hotUntil <= round { census.hot.append(i) }
        roster[i].hotUntil = round + Gossiper.hotRounds
    }

    mutating func coolDown() {
        census.hot.removeAll { roster[$0].hotUntil <= round }
    }
}
