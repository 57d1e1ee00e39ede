// Which key the next request is for: each alike, or few keys most of the time.

import Foundation
import World

/// Draws the numbers 0 to `count` - 1.
enum KeyChoice: Sendable {
    case uniform(count: Int)
    case zipfian(Zipfian)

    func next(_ random: inout SeededRandom) -> Int {
        switch self {
        case .uniform(let count): Int.random(in: 0..<count, using: &random)
        case .zipfian(let law): law.rank(at: random.unit())
        }
    }
}

/// Zipf's law: rank i (from 0) is drawn with a probability proportional to 1 / (i + 1)^theta. After J. Gray et al.,
/// "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994, the form that YCSB uses: O(count) once, then
/// O(1) a draw.
///
/// The ranks need no scrambling: a key's place on the ring is a hash of it, so the popular ones lie apart.
struct Zipfian: Sendable {
    /// YCSB's skew: of 10,000 keys the first takes a tenth of all requests.
    static let standardTheta = 0.99

    private let count: Int
    /// The sum of all ranks' weights.
    private let zeta: Double
    private let alpha: Double
    private let eta: Double
    /// Below this weight lie ranks 0 and 1, which the approximation of the others would miss.
    private let firstTwo: Double

    /// - Parameters: `count` at least 1; `theta` in (0, 1).
    init(count: Int, theta: Double = Zipfian.standardTheta) {
        self.count = count
        // Smallest weights first: they would be lost beside the large ones.
        zeta = (1...count).reversed().reduce(0) { $0 + 1 / pow(Double($1), theta) }
        alpha = 1 / (1 - theta)
        firstTwo = 1 + pow(0.5, theta)
        eta = (1 - pow(2 / Double(count), 1 - theta)) / (1 - firstTwo / zeta)
    }

    /// - Parameter u: uniform in [0, 1).
    func rank(at u: Double) -> Int {
        let weight = u * zeta
        if weight < 1 || count == 1 { return 0 }
        if weight < firstTwo || count == 2 { return 1 }
        let rank = Double(count) * pow(eta * u - eta + 1, alpha)
        return min(count - 1, Int(rank))
    }
}
