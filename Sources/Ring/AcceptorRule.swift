// Which nodes make a sound set of acceptors for the namestore.

package import World

extension RingDocument {
    /// Why these nodes are no sound set: each that votes should be one more that may be lost, with all of its country.
    /// Nil if they are one: 3, 5 or 7 in as many countries. An even number is no better than the odd one below it, and
    /// one or two survive no loss.
    package func weakness(ofAcceptors nodes: [NodeID]) -> String? {
        guard [3, 5, 7].contains(nodes.count) else {
            return "3, 5 or 7 acceptors make a majority that survives a loss, not \(nodes.count)"
        }
        let countries = Set(nodes.compactMap { node($0)?.country })
        guard countries.count == nodes.count else {
            return "\(nodes.count) acceptors should stand in as many countries, not in \(countries.count)"
        }
        return nil
    }
}
