// Values that come and go by the thousand, under keys that are found without hashing: a request in flight is looked up
// several times by its number, and a dictionary would hash that number each time.

/// A key is the place of its value with the number of values that stood there before, so a key that is out of use never
/// finds a later value (until one place has been used 2³² times).
public struct SlotTable<Value> {
    @usableFromInline
    struct Slot {
        @usableFromInline var turn: UInt32 = 0
        @usableFromInline var value: Value?

        @inlinable
        init(_ value: Value) { self.value = value }
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var free: [Int] = []
    /// The least significant bits of a key: its place. With the 32 of the turn it has 56.
    @usableFromInline static var placeBits: UInt64 { 24 }

    @inlinable public init() {}

    @inlinable public var count: Int { slots.count - free.count }

    /// Returns the value's key, below 2⁵⁶. There may be 2²⁴ values at a time.
    @inlinable
    public mutating func insert(_ value: Value) -> UInt64 {
        let place: Int
        if let last = free.popLast() {
            place = last
            slots[place].value = value
        } else {
            precondition(slots.count < 1 << SlotTable.placeBits, "a slot table holds 2^24 values at most")
            place = slots.count
            slots.append(Slot(value))
        }
        return UInt64(slots[place].turn) << SlotTable.placeBits | UInt64(place)
    }

    /// Where the value of `key` is; nil if it is gone, or never was.
    @inlinable
    func place(of key: UInt64) -> Int? {
        let place = Int(truncatingIfNeeded: key & (1 << SlotTable.placeBits - 1))
        return place < slots.count && slots[place].turn == key >> SlotTable.placeBits ? place : nil
    }

    /// Nil if there is no such value. What is there is read and changed where it lies; not to be set to nil
    /// (see `remove`).
    @inlinable
    public subscript(key: UInt64) -> Value? {
        _read {
            if let place = place(of: key) { yield slots[place].value } else { yield nil }
        }
        _modify {
            var none: Value?
            if let place = place(of: key) { yield &slots[place].value } else { yield &none }
        }
    }

    /// Nil if there is no such value.
    @inlinable
    @discardableResult
    public mutating func remove(_ key: UInt64) -> Value? {
        guard let place = place(of: key), let value = slots[place].value.take() else { return nil }
        slots[place].turn &+= 1
        free.append(place)
        return value
    }
}

extension SlotTable: Sendable where Value: Sendable {}
extension SlotTable.Slot: Sendable where Value: Sendable {}
