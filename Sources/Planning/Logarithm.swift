// Logarithms without a C library: the same bits on every machine.

enum Logarithm {
    /// log2 of a positive finite number, by the series of artanh: log(m) = 2 artanh((m − 1)/(m + 1)), m in 1 ..< 2.
    static func base2(_ x: Double) -> Double {
        let t = (x.significand - 1) / (x.significand + 1)
        var (term, sum) = (t, 0.0)
        for k in stride(from: 1.0, to: 30, by: 2) {
            sum += term / k
            term *= t * t
        }
        return Double(x.exponent) + 2 * sum / 0.693_147_180_559_945_3
    }

    static func base10(_ x: Double) -> Double { base2(x) * 0.301_029_995_663_981_2 }
}
