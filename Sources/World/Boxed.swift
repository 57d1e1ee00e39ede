// A large value that goes from hand to hand as one word: moved in and out of a table, or of an enum's case, it is not
// copied byte by byte each time.

/// Behaves as its value does: a copy that changes gets a box of its own first.
public struct Boxed<Value> {
    @usableFromInline
    final class Box {
        @usableFromInline var value: Value

        @inlinable
        init(_ value: consuming Value) { self.value = value }
    }

    @usableFromInline var box: Box

    @inlinable
    public init(_ value: consuming Value) { box = Box(value) }

    @inlinable public var value: Value {
        _read { yield box.value }
        _modify {
            if !isKnownUniquelyReferenced(&box) { box = Box(box.value) }
            yield &box.value
        }
    }
}

// Safe to share: what a box holds is only changed by whoever alone has it.
extension Boxed: @unchecked Sendable where Value: Sendable {}
