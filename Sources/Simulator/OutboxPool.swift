// Outboxes used again and again: a cluster plays some ten thousand events, one of which may lead to another before it
// has ended, and an array allocated for each would cost more than most of them do.

import World

struct OutboxPool<Effect> {
    struct Loan {
        var box = Outbox<Effect>()
        private var taken: [Effect] = []
        private var place = 0

        /// One after the other, until nothing is left.
        mutating func next() -> Effect? {
            if place == taken.count {
                guard !box.isEmpty else { return nil }
                box.take(into: &taken)
                place = 0
            }
            place += 1
            return taken[place - 1]
        }

        fileprivate mutating func clear() {
            taken.removeAll(keepingCapacity: true)
            place = 0
        }
    }

    private var free: [Loan] = []

    /// An empty one.
    mutating func borrow() -> Loan { free.popLast() ?? Loan() }

    /// Say `consume`: where the borrower still has it, emptying it allocates the array anew. Nothing is left in it.
    mutating func giveBack(_ loan: consuming Loan) {
        loan.clear()
        free.append(loan)
    }
}
