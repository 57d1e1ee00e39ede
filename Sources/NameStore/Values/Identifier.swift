// 128-bit identifiers: of a cluster, of an acceptor's store, of an operation, of a point in a store's vote history.
// One layout, one type each, so that none is passed for another.

/// Sixteen bytes that name one thing of kind `Kind`. Compared, never ordered by meaning.
package struct Identifier<Kind>: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The first half of a digest.
    init(_ digest: Digest256) { self.init(high: digest.words.0, low: digest.words.1) }

    package var description: String { hexadecimal(high) + hexadecimal(low) }
}

/// The founding configuration's digest: two clusters founded apart never take each other's messages.
package typealias ClusterID = Identifier<ClusterKind>
package enum ClusterKind {}

/// Drawn at random when a store is created and never used again. A wiped disk comes back under another one.
package typealias StoreID = Identifier<StoreKind>
package enum StoreKind {}

/// One request of a client, however often and through however many nodes it is sent.
package typealias RequestID = Identifier<RequestKind>
package enum RequestKind {}

extension Identifier where Kind == RequestKind {
    /// Of a request that its client calls `key`.
    package init(key: [UInt8]) { self.init(Digest256(domain: "atoll/namestore/request", [key])) }
}

/// A digest of what an operation asks and of the generation it starts from: the same request retried anywhere bears the
/// same one.
package typealias OperationID = Identifier<OperationKind>
package enum OperationKind {}

/// A digest of every vote a store ever cast, in order.
package typealias VoteChain = Identifier<VoteChainKind>
package enum VoteChainKind {}

func hexadecimal(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
