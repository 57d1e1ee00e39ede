// The walk over all names that a majority of the old acceptors holds, page by page, in key order.

import Quorums

/// Merges pages of a majority: what lies below the end of each of them is complete, and is handed out to be chosen
/// again.
struct Rescan: Sendable {
    /// Everything up to here has been listed.
    private(set) var cursor: RegisterKey?
    private(set) var isListed = false
    /// Listed and not yet begun, in order.
    private(set) var waiting: [RegisterKey] = []
    private(set) var underWay: Set<RegisterKey> = []
    private(set) var done = 0
    /// The answers to the page asked for last, by member.
    private var pages: [(keys: [RegisterKey], isLast: Bool)?] = []
    private var answered = MemberSet()
    private(set) var isAsking = false
    private let window: Int

    init(window: Int) { self.window = window }

    var isComplete: Bool { isListed && waiting.isEmpty && underWay.isEmpty }
    /// The next page is due: little is left to do, and none is being asked for.
    var wantsPage: Bool { !isListed && !isAsking && waiting.count < window }

    func hasAnswer(from index: Int) -> Bool { pages.indices.contains(index) && pages[index] != nil }

    /// A question for the page after `cursor` leaves.
    mutating func ask(size: Int) {
        isAsking = true
        pages = Array(repeating: nil, count: size)
        answered = MemberSet()
    }

    /// True if the page is complete: a majority of M has answered.
    mutating func receive(keys: [RegisterKey], isLast: Bool, from index: Int, _ quorums: QuorumSystem) -> Bool {
        guard isAsking, pages.indices.contains(index), pages[index] == nil, !keys.isEmpty || isLast else {
            return false
        }
        pages[index] = (keys, isLast)
        answered.insert(index)
        guard quorums.isMajorityOfAcceptors(answered) else { return false }
        isAsking = false
        let ends = pages.compactMap { page in page.flatMap { $0.isLast ? nil : $0.keys.last } }
        let bound = ends.min()
        let known = cursor
        var names = Set<RegisterKey>()
        for page in pages {
            for key in page?.keys ?? [] where bound.map({ key <= $0 }) ?? true { names.insert(key) }
        }
        waiting += names.filter { key in known.map { $0 < key } ?? true }.sorted()
        cursor = bound ?? cursor
        isListed = bound == nil
        return true
    }

    /// The next names to choose again.
    mutating func take() -> [RegisterKey] {
        let count = min(waiting.count, max(0, window - underWay.count))
        let taken = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        underWay.formUnion(taken)
        return taken
    }

    mutating func finished(_ key: RegisterKey) {
        if underWay.remove(key) != nil { done += 1 }
    }
}
