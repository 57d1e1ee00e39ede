// Time as the protocols see it: handed in from outside, never read here.
//
// `Instant` is monotonic and means nothing between two processes; it orders timers and measures spans. `WallTime` is
// what people and other nodes agree on, roughly; it may jump, so it decides only what a user asked it to (expiry,
// last-write-wins through the hybrid logical clock), never what survives.

/// A signed length of time in nanoseconds. 2^63 ns are 292 years; arithmetic traps on overflow, which no caller reaches
/// because every span from outside is clamped by `Limits`.
public struct Span: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let zero = Span(nanoseconds: 0)
    @inlinable public static func microseconds(_ n: Int64) -> Span { Span(nanoseconds: n * 1_000) }
    @inlinable public static func milliseconds(_ n: Int64) -> Span { Span(nanoseconds: n * 1_000_000) }
    @inlinable public static func seconds(_ n: Int64) -> Span { Span(nanoseconds: n * 1_000_000_000) }
    @inlinable public static func minutes(_ n: Int64) -> Span { .seconds(n * 60) }
    @inlinable public static func hours(_ n: Int64) -> Span { .seconds(n * 3_600) }

    /// The span in milliseconds, with its fraction.
    @inlinable public var inMilliseconds: Double { Double(nanoseconds) / 1e6 }
    @inlinable public var inSeconds: Double { Double(nanoseconds) / 1e9 }

    /// The nearest span to a number of milliseconds; what is not finite, or beyond a century, becomes the bound.
    public init(milliseconds: Double) {
        let bound = 3.2e18
        let scaled = milliseconds * 1e6
        self.nanoseconds = scaled.isNaN ? 0 : Int64(Swift.min(Swift.max(scaled, -bound), bound))
    }

    @inlinable public static func < (a: Span, b: Span) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable public static func + (a: Span, b: Span) -> Span { Span(nanoseconds: a.nanoseconds + b.nanoseconds) }
    @inlinable public static func - (a: Span, b: Span) -> Span { Span(nanoseconds: a.nanoseconds - b.nanoseconds) }
    @inlinable public static func * (a: Span, k: Int64) -> Span { Span(nanoseconds: a.nanoseconds * k) }
    @inlinable public static func / (a: Span, k: Int64) -> Span { Span(nanoseconds: a.nanoseconds / k) }
}

/// A point on a monotonic clock whose origin only its owner knows.
public struct Instant: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    public static let origin = Instant(nanoseconds: 0)

    @inlinable public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable public static func + (t: Instant, s: Span) -> Instant {
        Instant(nanoseconds: t.nanoseconds + s.nanoseconds)
    }
    @inlinable public static func - (a: Instant, b: Instant) -> Span {
        Span(nanoseconds: a.nanoseconds - b.nanoseconds)
    }
}

/// Milliseconds since 1970-01-01T00:00Z, as some machine's clock has it.
public struct WallTime: Hashable, Comparable, Sendable {
    public var milliseconds: UInt64

    @inlinable public init(milliseconds: UInt64) { self.milliseconds = milliseconds }
    @inlinable public static func < (a: WallTime, b: WallTime) -> Bool { a.milliseconds < b.milliseconds }
}

/// Both clocks, read together by a shell and handed to a protocol with each event.
public struct Now: Hashable, Sendable {
    public var instant: Instant
    public var wall: WallTime

    @inlinable public init(instant: Instant, wall: WallTime) {
        self.instant = instant
        self.wall = wall
    }
}
