// What a store knows of itself: a header inside it, written in the same batch as the votes, and the frontier outside
// it, in two copies, written after each sync and before the votes leave. Compared at start, they tell a store that lost
// votes.
// docs/formats/namestore.md has every byte.

package import World

/// The header: who this store is, and how far its votes have come.
package struct StoreHeader: Equatable, Sendable {
    package let store: StoreID
    /// Nil until the store is part of a cluster.
    package var cluster: ClusterID?
    /// The founder that an unfounded store has promised to follow.
    var pledge: AcceptorID?
    /// Its epoch is the lowest one accepted. Nil exactly while `cluster` is.
    package var configuration: Configuration?
    /// Votes, promises, pledges and epochs persisted so far.
    package var sequence: UInt64
    var chain: VoteChain

    package init(store: StoreID) {
        self.store = store
        sequence = 0
        chain = VoteChain(high: 0, low: 0)
    }

    package var epoch: UInt64 { configuration?.epoch ?? 0 }

    static let version: UInt8 = 1

    package func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 384)
        writer.byte(StoreHeader.version)
        writer.identifier(store)
        writer.optional(cluster) { $0.identifier($1) }
        writer.optional(pledge) { $0.member($1) }
        writer.optional(configuration) { $0.configuration($1) }
        writer.fixed64(sequence)
        writer.identifier(chain)
        writer.fixed64(Digest256(domain: "atoll/namestore/header", [writer.bytes]).words.0)
        return writer.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var reader = try checked(bytes, domain: "atoll/namestore/header", version: StoreHeader.version)
        self.init(store: try reader.identifier())
        cluster = try reader.optional { (r) throws(DecodingFailure) in try r.identifier() }
        pledge = try reader.optional { (r) throws(DecodingFailure) in try r.member() }
        configuration = try reader.optional { (r) throws(DecodingFailure) in try r.configuration() }
        sequence = try reader.fixed64()
        chain = try reader.identifier()
        try reader.finish()
        guard (cluster == nil) == (configuration == nil) else { throw .malformed("header") }
    }

    var frontier: Frontier {
        Frontier(store: store, cluster: cluster, epoch: epoch, sequence: sequence, chain: chain)
    }
}

/// One copy of the frontier: how far the votes that left had come.
package struct Frontier: Equatable, Sendable {
    package let store: StoreID
    package let cluster: ClusterID?
    package let epoch: UInt64
    package let sequence: UInt64
    let chain: VoteChain

    /// Two copies, written in turn: a torn write spoils the older one.
    package static let copies = 2
    static let version: UInt8 = 1

    package func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.byte(Frontier.version)
        writer.identifier(store)
        writer.optional(cluster) { $0.identifier($1) }
        writer.fixed64(epoch)
        writer.fixed64(sequence)
        writer.identifier(chain)
        writer.fixed64(Digest256(domain: "atoll/namestore/frontier", [writer.bytes]).words.0)
        return writer.bytes
    }
}

extension Frontier {
    init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var reader = try checked(bytes, domain: "atoll/namestore/frontier", version: Frontier.version)
        let store: StoreID = try reader.identifier()
        let cluster: ClusterID? = try reader.optional { (r) throws(DecodingFailure) in try r.identifier() }
        let (epoch, sequence) = (try reader.fixed64(), try reader.fixed64())
        self.init(
            store: store, cluster: cluster, epoch: epoch, sequence: sequence, chain: try reader.identifier())
        try reader.finish()
    }
}

/// A reader behind the version byte, once the checksum at the end has been found right.
private func checked(
    _ bytes: [UInt8], domain: StaticString, version: UInt8
) throws(DecodingFailure) -> ByteReader {
    guard bytes.count > 9 else { throw .truncated }
    var tail = ByteReader(bytes, from: bytes.count - 8)
    let body = Array(bytes.dropLast(8))
    guard try tail.fixed64() == Digest256(domain: domain, [body]).words.0 else { throw .checksum }
    var reader = ByteReader(bytes, upTo: bytes.count - 8)
    let found = try reader.byte()
    guard found == version else { throw .unknownVersion(found) }
    return reader
}
