// Numbers from bytes that are the same in every process, on every machine and in every version: formats and choices
// rest on them. `Hasher` is seeded anew in every process.

/// FNV-1a, 64 bits (draft-eastlake-fnv): each step is a bijection of the state, so no single changed byte goes
/// unnoticed. Against accidents, not against forgery.
public struct StableHash: Sendable {
    @usableFromInline var state: UInt64 = 0xCBF2_9CE4_8422_2325

    @inlinable public var value: UInt64 { state }

    @inlinable public init() {}

    @inlinable public init(_ text: String) { add(text.utf8) }

    @inlinable public mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }

    @inlinable public mutating func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { add(byte) } }

    @inlinable public mutating func add(_ bytes: [UInt8], from start: Int = 0) {
        var place = start
        while place < bytes.count {
            add(bytes[place])
            place += 1
        }
    }

    /// Eight bytes, least significant first.
    @inlinable public mutating func add(_ word: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { add(UInt8(truncatingIfNeeded: word >> shift)) }
    }
}

/// The steps of Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
public enum SplitMix64 {
    @usableFromInline static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// A bijection that spreads every bit over all.
    @inlinable public static func spread(_ x: UInt64) -> UInt64 {
        var z = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The first number of the generator that begins at `x`.
    @inlinable public static func scatter(_ x: UInt64) -> UInt64 { spread(x &+ step) }

    /// The next number of the generator in `state`.
    static func next(_ state: inout UInt64) -> UInt64 {
        state &+= step
        return spread(state)
    }
}
