// Hybrid logical time (Kulkarni et al., "Logical Physical Clocks", 2014): close to the wall clock, never running back,
// and later than everything that was seen. It orders writes where a bucket asks for last-write-wins, and picks the
// newest of several siblings for `?resolve=latest`; it never decides what survives anywhere else.

package import World

/// Milliseconds since 1970 in the upper 48 bits, a logical counter in the lower 16.
package struct HybridTime: Hashable, Comparable, Sendable {
    package let bits: UInt64

    package init(bits: UInt64) { self.bits = bits }
    package init(wall: WallTime) { bits = Swift.min(wall.milliseconds, (1 << 48) - 1) << 16 }

    package var wall: WallTime { WallTime(milliseconds: bits >> 16) }

    /// The next point; saturates at the end of the 48-bit millennia.
    package var successor: HybridTime { HybridTime(bits: bits == .max ? bits : bits + 1) }

    package static func < (a: HybridTime, b: HybridTime) -> Bool { a.bits < b.bits }
}

package struct HybridClock: Sendable {
    private var last = HybridTime(bits: 0)

    package init() {}

    /// A time after all that were given before for want of a later floor, after `floor`, and at or after the wall
    /// clock.
    ///
    /// `floor` counts for this time alone: it comes from clients and other clocks, and one that is years ahead must not
    /// carry every later write of this clock along.
    package mutating func tick(_ wall: WallTime, after floor: HybridTime = HybridTime(bits: 0)) -> HybridTime {
        last = Swift.max(HybridTime(wall: wall), last.successor)
        return Swift.max(last, floor.successor)
    }
}
