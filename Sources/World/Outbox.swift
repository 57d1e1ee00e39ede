// The effect vocabulary's two common words: where a protocol value puts what it wants done, and how it names a timer.

/// What a protocol value wants done, in order. A value never does it itself: a shell (or the simulator) drains the
/// outbox after each event and acts.
package struct Outbox<Effect> {
    package private(set) var effects: [Effect] = []

    package init() {}
    package var isEmpty: Bool { effects.isEmpty }
    package mutating func emit(_ effect: Effect) { effects.append(effect) }

    /// Hands over what was collected and keeps the storage for the next event.
    package mutating func drain(_ act: (Effect) -> Void) {
        guard !effects.isEmpty else { return }
        let taken = effects
        effects.removeAll(keepingCapacity: true)
        for effect in taken { act(effect) }
    }

    /// Hands over what was collected, as an array.
    package mutating func take() -> [Effect] {
        defer { effects = [] }
        return effects
    }
}

extension Outbox: Sendable where Effect: Sendable {}
