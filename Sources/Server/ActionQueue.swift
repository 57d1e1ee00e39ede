// What the value behind a channel wants done, carried out in order. What carrying out brings with it (a write that
// fails ends its connection before it returns) comes after what was there already.

import World

/// Only used on one event loop.
final class ActionQueue<Action> {
    /// For the value to fill.
    var out = Outbox<Action>()
    /// Empty between events.
    private var taken: [Action] = []
    private var isCarryingOut = false

    /// Calls `perform` for each action, and for those that come meanwhile. False from within `perform`: nothing is
    /// done.
    @discardableResult
    func carryOut(_ perform: (Action) -> Void) -> Bool {
        guard !isCarryingOut else { return false }
        isCarryingOut = true
        while !out.isEmpty {
            out.take(into: &taken)
            for action in taken { perform(action) }
            taken.removeAll(keepingCapacity: true)
        }
        isCarryingOut = false
        return true
    }
}
