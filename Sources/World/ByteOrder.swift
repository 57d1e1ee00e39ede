// The order of byte strings, which is that of keys on the disk. Whoever lists, compares or repairs asks for it at every
// key, so it is found a word at a time.

extension UnsafeRawBufferPointer {
    /// The same bytes.
    @inlinable
    public func isEqual(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        var place = 0
        while place + 8 <= count {
            guard
                loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    == other.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            else { return false }
            place += 8
        }
        while place < count {
            guard self[place] == other[place] else { return false }
            place += 1
        }
        return true
    }

    /// Whether it stands before `other`: at the first byte that differs it has the lesser one, or it is the beginning
    /// of the other.
    @inlinable
    public func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
        let shared = Swift.min(count, other.count)
        var place = 0
        while place + 8 <= shared {
            let (x, y) = (
                loadUnaligned(fromByteOffset: place, as: UInt64.self),
                other.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            )
            if x != y { return UInt64(bigEndian: x) < UInt64(bigEndian: y) }
            place += 8
        }
        while place < shared {
            if self[place] != other[place] { return self[place] < other[place] }
            place += 1
        }
        return count < other.count
    }
}

extension [UInt8] {
    /// The same bytes; `==` compares one at a time.
    @inlinable
    public func isEqual(_ other: [UInt8]) -> Bool {
        withUnsafeBytes { a in other.withUnsafeBytes { a.isEqual($0) } }
    }

    /// As `UnsafeRawBufferPointer.precedes`.
    @inlinable
    public func precedes(_ other: [UInt8]) -> Bool {
        withUnsafeBytes { a in other.withUnsafeBytes { a.precedes($0) } }
    }
}

extension ArraySlice<UInt8> {
    /// As of arrays.
    @inlinable
    public func isEqual(_ other: ArraySlice<UInt8>) -> Bool {
        withUnsafeBytes { a in other.withUnsafeBytes { a.isEqual($0) } }
    }
}
