// The only source of chance on the lower floors: a generator whose whole future is its seed.

/// xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018), seeded through
/// SplitMix64 as its authors advise. Not for secrets.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var s0, s1, s2, s3: UInt64

    public init(seed: UInt64) {
        var state = seed
        func next() -> UInt64 { SplitMix64.next(&state) }
        (s0, s1, s2, s3) = (next(), next(), next(), next())
    }

    public mutating func next() -> UInt64 {
        func rotl(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
        let result = rotl(s1 &* 5, 7) &* 9
        let t = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= t
        s3 = rotl(s3, 45)
        return result
    }

    /// A generator for one part, independent of how often the others draw.
    public mutating func fork() -> SeededRandom { SeededRandom(seed: next()) }

    /// True with probability `p`.
    public mutating func chance(_ p: Double) -> Bool { unit() < p }

    /// Uniform in [0, 1).
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Exponentially distributed with the given mean: the gaps of a Poisson process.
    public mutating func exponential(mean: Span) -> Span {
        Span(nanoseconds: Int64((-_log1m(unit())) * Double(mean.nanoseconds)))
    }

    /// ln(1 - u) for u in [0, 1), by the series of artanh: no C library, so the same bits on every machine.
    private func _log1m(_ u: Double) -> Double {
        let x = 1 - u  // in (0, 1]
        let exponent = Double(x.exponent)
        let m = x.significand  // in [1, 2)
        let t = (m - 1) / (m + 1)
        let t2 = t * t
        var term = t
        var sum = 0.0
        var k = 1.0
        while k < 40 {
            sum += term / k
            term *= t2
            k += 2
        }
        return 2 * sum + exponent * 0.693_147_180_559_945_3
    }
}
