// How long copies take: no less than bytes over bandwidth at every node and every link between countries.

import Ring
package import World

/// Where the time goes.
package enum TransferBottleneck: Hashable, Sendable, CustomStringConvertible {
    case into(NodeID)
    case outOf(NodeID)
    /// From a country to another.
    case link(String, String)

    package var description: String {
        switch self {
        case .into(let node): "into \(node)"
        case .outOf(let node): "out of \(node)"
        case .link(let a, let b): "the link \(a) to \(b)"
        }
    }
}

package struct TransferTime: Hashable, Sendable {
    package let seconds: Double
    package let bottleneck: TransferBottleneck?
    /// Whether a node or a link that carries something has no `mbit`: the time may then be longer.
    let isPartial: Bool
}

extension Crew {
    /// The longest of bytes/bandwidth over nodes (in and out apart: full duplex) and links (each direction apart).
    ///
    /// - Returns: nil where bytes move and nothing says how fast.
    func time(_ moves: some Sequence<Move>, copyBytes: [Double], links: LinkTable) -> TransferTime? {
        var into = Array(repeating: 0.0, count: members.count)
        var out = into
        let map = CountryIndex(self)
        var between = Array(repeating: 0.0, count: map.names.count * map.names.count)
        for move in moves {
            guard let source = move.source else { continue }
            let bytes = copyBytes[move.placement]
            into[move.target] += bytes
            out[source] += bytes
            between[map.of[source] * map.names.count + map.of[move.target]] += bytes
        }
        var longest = 0.0
        var bottleneck: TransferBottleneck?
        var isPartial = false
        var isKnown = false
        func take(_ bytes: Double, _ mbit: Double?, _ what: TransferBottleneck) {
            guard bytes > 0 else { return }
            guard let mbit else {
                isPartial = true
                return
            }
            isKnown = true
            let seconds = bytes * 8 / (mbit * 1e6)
            if seconds > longest { (longest, bottleneck) = (seconds, what) }
        }
        for (at, member) in members.enumerated() {
            take(into[at], member.mbit, .into(member.id))
            take(out[at], member.mbit, .outOf(member.id))
        }
        for (a, from) in map.names.enumerated() {
            for (b, to) in map.names.enumerated() where a != b {
                take(between[a * map.names.count + b], links.between(from, to)?.mbit, .link(from, to))
            }
        }
        if isPartial, !isKnown { return nil }
        return TransferTime(seconds: longest, bottleneck: bottleneck, isPartial: isPartial)
    }
}

/// The countries of a crew as small integers.
struct CountryIndex: Sendable {
    /// Sorted.
    let names: [String]
    /// By member.
    let of: [Int]

    init(_ crew: Crew) {
        var names: [String] = []
        for name in crew.members.map(\.country).sorted() where names.last != name { names.append(name) }
        self.names = names
        of = crew.members.map { member in names.firstIndex(of: member.country) ?? 0 }
    }
}
