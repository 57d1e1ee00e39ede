// Which numbers of large values are given out and not settled yet, and how much of what was written is dead.

struct LargeLedger: Sendable {
    /// The next number that is given out.
    private var next: UInt64
    /// The first number of each batch under way, ascending. No more than there are threads that write.
    private var open: [UInt64] = []
    private var deadBytes = 0

    init(next: UInt64) { self.next = next }

    /// Numbers for a batch of so many, beginning with the result.
    mutating func begin(_ count: Int) -> UInt64 {
        let first = next
        next += UInt64(count)
        open.append(first)
        return first
    }

    /// All numbers below it have a place, are noted as dead or are gone, once the batch that began with `own` is
    /// committed. Whoever commits later may say less, and never too much: what is under way now has a number that is
    /// not below it, and so has all that will be.
    func frontier(besides own: UInt64) -> UInt64 { open.first { $0 != own } ?? next }

    mutating func end(_ first: UInt64) { open.removeAll { $0 == first } }

    /// True if now there are `bound` or more: then whoever is told takes them all away.
    mutating func died(_ bytes: Int, bound: Int) -> Bool {
        deadBytes += bytes
        guard deadBytes >= bound else { return false }
        deadBytes = 0
        return true
    }
}
