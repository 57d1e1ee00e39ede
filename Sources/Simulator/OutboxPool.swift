// Outboxes used again and again: a cluster plays some ten thousand events, one of which may lead to another before it
// has ended, and an array allocated for each would cost more than most of them do.

import World

struct OutboxPool<Effect> {
    struct Loan {
        var box = Outbox<Effect>()
        private var taken: [Effect] = []

        /// What the box holds, and holds no more.
        mutating func take() -> [Effect] {
            box.take(into: &taken)
            return taken
        }

        fileprivate mutating func clear() { taken.removeAll(keepingCapacity: true) }
    }

    private var free: [Loan] = []

    /// An empty one.
    mutating func borrow() -> Loan { free.popLast() ?? Loan() }

    mutating func giveBack(_ loan: Loan) {
        var loan = loan
        loan.clear()
        free.append(loan)
    }
}
