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
        init() {}
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var free: [Int] = []
    /// The least significant bits of a key: its place. With the 32 of the turn it has 56.
    @usableFromInline static var placeBits: UInt64 { 24 }

    @inlinable public init() {}

    @inlinable public var count: Int { slots.count - free.count }

    /// Returns the value's key, below 2⁵⁶. There may be 2²⁴ values at a time.
    @inlinable
    public mutating func insert(_ value: consuming Value) -> UInt64 {
        let key = reserve()
        put(value, key)
        return key
    }

    /// The key of a place for a value that is still to be `put` there.
    @inlinable
    public mutating func reserve() -> UInt64 {
        let place: Int
        if let last = free.popLast() {
            place = last
        } else {
            precondition(slots.count < 1 << SlotTable.placeBits, "a slot table holds 2^24 values at most")
            place = slots.count
            slots.append(Slot())
        }
        return UInt64(slots[place].turn) << SlotTable.placeBits | UInt64(place)
    }

    /// Where the value of `key` is; nil if it is gone, or never was.
    @inlinable
    func place(of key: UInt64) -> Int? {
        let place = Int(truncatingIfNeeded: key & (1 << SlotTable.placeBits - 1))
        return place < slots.count && slots[place].turn == key >> SlotTable.placeBits ? place : nil
    }

    @inlinable
    public func contains(_ key: UInt64) -> Bool { place(of: key).map { slots[$0].value != nil } ?? false }

    /// Takes the value out, to be worked with where nothing else has it: a large value that is asked through the table
    /// would be asked of a copy. Its place is kept, for `put` or `release` to follow. Nil if there is no such value.
    @inlinable
    public mutating func take(_ key: UInt64) -> Value? {
        guard let place = place(of: key) else { return nil }
        return slots[place].value.take()
    }

    /// Puts a value where one was taken out, or a place reserved.
    @inlinable
    public mutating func put(_ value: consuming Value, _ key: UInt64) {
        guard let place = place(of: key) else { return assertionFailure("nothing was taken out there") }
        slots[place].value = consume value
    }

    /// Gives up the place of a value that was taken out: its key never finds anything again.
    @inlinable
    public mutating func release(_ key: UInt64) {
        guard let place = place(of: key) else { return assertionFailure("nothing was taken out there") }
        slots[place].turn &+= 1
        free.append(place)
    }

    /// Nil if there is no such value.
    @inlinable
    @discardableResult
    public mutating func remove(_ key: UInt64) -> Value? {
        guard let value = take(key) else { return nil }
        release(key)
        return value
    }
}

extension SlotTable: Sendable where Value: Sendable {}
extension SlotTable.Slot: Sendable where Value: Sendable {}
