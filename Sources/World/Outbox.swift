// The effect vocabulary's two common words: where a protocol value puts what it wants done, and how it names a timer.

/// What a protocol value wants done, in order. A value never does it itself: a shell (or the simulator) takes the
/// outbox's effects after each event and acts.
///
/// Inlinable, as every request goes through several of these: without the generic type's body at hand each would be
/// worked through run-time metadata.
public struct Outbox<Effect> {
    @usableFromInline var effects: [Effect] = []

    @inlinable public init() {}
    @inlinable public var isEmpty: Bool { effects.isEmpty }
    @inlinable public mutating func emit(_ effect: Effect) { effects.append(effect) }

    /// Hands over what was collected.
    @inlinable
    public mutating func take() -> [Effect] {
        guard !effects.isEmpty else { return [] }
        let taken = effects
        effects = []
        return taken
    }

    /// The same, in exchange for the array of the last time, so that none is allocated. What is left in it is dropped.
    @inlinable
    public mutating func take(into taken: inout [Effect]) {
        taken.removeAll(keepingCapacity: true)
        swap(&effects, &taken)
    }
}

extension Outbox: Sendable where Effect: Sendable {}
