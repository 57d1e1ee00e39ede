// The order of byte strings, which is that of keys on the disk. Whoever lists, compares or repairs asks for it at every
// key, so it is found a word at a time.

extension [UInt8] {
    /// The same bytes; `==` compares one at a time.
    @inlinable
    public func isEqual(_ other: [UInt8]) -> Bool { self[...].isEqual(other[...]) }

    /// Whether it stands before `other`: at the first byte that differs it has the lesser one, or it is the beginning
    /// of the other.
    @inlinable
    public func precedes(_ other: [UInt8]) -> Bool {
        withUnsafeBytes { a in
            other.withUnsafeBytes { b in
                let shared = Swift.min(a.count, b.count)
                var place = 0
                while place + 8 <= shared {
                    let (x, y) = (
                        a.loadUnaligned(fromByteOffset: place, as: UInt64.self),
                        b.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    )
                    if x != y { return UInt64(bigEndian: x) < UInt64(bigEndian: y) }
                    place += 8
                }
                while place < shared {
                    if a[place] != b[place] { return a[place] < b[place] }
                    place += 1
                }
                return a.count < b.count
            }
        }
    }
}

extension ArraySlice<UInt8> {
    /// As of arrays.
    @inlinable
    public func isEqual(_ other: ArraySlice<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return withUnsafeBytes { a in
            other.withUnsafeBytes { b in
                var place = 0
                while place + 8 <= a.count {
                    guard
                        a.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                            == b.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    else { return false }
                    place += 8
                }
                while place < a.count {
                    guard a[place] == b[place] else { return false }
                    place += 1
                }
                return true
            }
        }
    }
}
