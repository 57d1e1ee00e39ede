// How many answers, and whose, make a consistency level.

import Quorums
import Ring
package import World

/// A replica that has done what was asked: itself, or, with a hint, for another.
package struct Acknowledgement: Hashable, Sendable {
    package let node: NodeID
    package let country: String
    /// The primary whose write this node keeps; nil where the node is a primary itself.
    package let hintFor: NodeID?

    init(node: NodeID, country: String, hintFor: NodeID? = nil) {
        self.node = node
        self.country = country
        self.hintFor = hintFor
    }
}

/// The answers that a request has gathered. Invariant: a node stands in here once, and so does the primary that it
/// answers for, so that no disk and no replica is counted twice.
package struct Tally: Hashable, Sendable {
    package private(set) var acknowledgements: [Acknowledgement] = []

    init() {}

    mutating func reserveCapacity(_ count: Int) { acknowledgements.reserveCapacity(count) }

    /// False if the node, or the primary it answers for, has been counted already. A primary's own answer takes the
    /// place of hints that it keeps, or that are kept for it: which of them comes first is chance, and where only
    /// primaries count it would go missing.
    @discardableResult
    package mutating func add(_ new: Acknowledgement) -> Bool {
        if new.hintFor == nil {
            acknowledgements.removeAll { $0.hintFor != nil && ($0.node == new.node || $0.hintFor == new.node) }
        }
        guard admits(new) else { return false }
        acknowledgements.append(new)
        return true
    }

    /// Whether `add` would count it.
    func admits(_ new: Acknowledgement) -> Bool {
        let target = new.hintFor ?? new.node
        return !acknowledgements.contains { $0.node == new.node || ($0.hintFor ?? $0.node) == target }
    }

    package var count: Int { acknowledgements.count }
    package var hinted: Int { acknowledgements.count { $0.hintFor != nil } }
    /// Ascending, each once.
    package var countries: [String] {
        var countries: [String] = []
        countries.reserveCapacity(acknowledgements.count)
        for one in acknowledgements where !countries.contains(one.country) {
            countries.insert(one.country, at: countries.firstIndex { one.country < $0 } ?? countries.endIndex)
        }
        return countries
    }
    /// Not as the holder of a hint.
    func containsPrimary(_ node: NodeID) -> Bool { acknowledgements.contains { $0.node == node && $0.hintFor == nil } }
    package func contains(_ node: NodeID) -> Bool { acknowledgements.contains { $0.node == node } }
}

/// What a consistency level comes to for one key.
struct Quorum: Hashable, Sendable {
    private enum Rule: Hashable, Sendable {
        case count(Int)
        /// Of each country this many; ascending by country.
        case countries([Share])
    }

    private struct Share: Hashable, Sendable {
        let country: String
        let needed: Int
    }

    let level: ConsistencyLevel
    /// Only primaries count.
    let strict: Bool
    private let rule: Rule

    /// `countries`: of the primaries, in any order. Throws if the level cannot be met by this placement at all.
    init(
        _ level: ConsistencyLevel, strict: Bool, countries: [String], gatewayCountry: String
    ) throws(RequestFailure) {
        self.level = level
        self.strict = strict
        let n = countries.count
        func share(_ country: String) -> Share {
            Share(country: country, needed: QuorumSize.majority(of: countries.count { $0 == country }))
        }
        switch level {
        case .one: rule = .count(1)
        case .quorum: rule = .count(QuorumSize.majority(of: n))
        case .all: rule = .count(n)
        case .count(let wanted):
            guard (1...max(1, n)).contains(wanted) else {
                throw .badLevel("a level of \(wanted) can't be met by \(n) replicas")
            }
            rule = .count(wanted)
        case .local:
            guard countries.contains(gatewayCountry) else {
                throw .badLevel("level local: this key has no replica in \(gatewayCountry)")
            }
            rule = .countries([share(gatewayCountry)])
        case .each:
            rule = .countries(Set(countries).sorted().map(share))
        }
    }

    func isReached(by tally: Tally) -> Bool {
        func counts(_ one: Acknowledgement) -> Bool { !strict || one.hintFor == nil }
        switch rule {
        case .count(let needed): return tally.acknowledgements.count(where: counts) >= needed
        case .countries(let shares):
            return shares.allSatisfy { share in
                tally.acknowledgements.count { $0.country == share.country && counts($0) } >= share.needed
            }
        }
    }

    /// The first of `candidates` (best first) that would help a tally to which `asked` are still expected to be added;
    /// nil if none would, or none is needed.
    func next(
        of candidates: [Acknowledgement], given tally: Tally, expecting asked: [Acknowledgement]
    ) -> Acknowledgement? {
        var expected = tally
        for one in asked { expected.add(one) }
        guard !isReached(by: expected) else { return nil }
        return candidates.first { candidate in
            guard expected.admits(candidate), !strict || candidate.hintFor == nil else { return false }
            guard case .countries(let shares) = rule else { return true }
            return shares.contains { share in
                share.country == candidate.country
                    && expected.acknowledgements.count { $0.country == share.country } < share.needed
            }
        }
    }
}
