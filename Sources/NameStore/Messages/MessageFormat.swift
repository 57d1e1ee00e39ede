// A message's bytes: version, head, a kind byte, the kind's fields. docs/formats/namestore.md lists them.

package import World

extension NameMessage {
    static let version: UInt8 = 1

    /// At most `Limits.nameMessageBytes`.
    package func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.byte(NameMessage.version)
        writer.optional(cluster) { $0.identifier($1) }
        writer.varint(epoch)
        writer.optional(store) { $0.identifier($1) }
        writer.fixed64(exchange)
        switch body {
        case .request(let request): request.write(to: &writer)
        case .reply(let reply): reply.write(to: &writer)
        }
        return writer.bytes
    }

    /// Refuses what is too long, malformed or of another version. Never traps.
    package static func decode(_ bytes: [UInt8]) throws(DecodingFailure) -> NameMessage {
        guard bytes.count <= Limits.nameMessageBytes else { throw .malformed("length") }
        var reader = ByteReader(bytes)
        let version = try reader.byte()
        guard version == NameMessage.version else { throw .unknownVersion(version) }
        let cluster: ClusterID? = try reader.optional { (r) throws(DecodingFailure) in try r.identifier() }
        let epoch = try reader.varint()
        let store: StoreID? = try reader.optional { (r) throws(DecodingFailure) in try r.identifier() }
        let exchange = try reader.fixed64()
        let kind = try reader.byte()
        let body: Body =
            kind < 0x80 ? .request(try NameRequest(kind, from: &reader)) : .reply(try NameReply(kind, from: &reader))
        try reader.finish()
        return NameMessage(cluster: cluster, epoch: epoch, store: store, exchange: exchange, body: body)
    }
}

extension NameRequest {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .prepare(let key, let ballot):
            writer.byte(1)
            writer.counted(key.bytes)
            writer.ballot(ballot)
        case .accept(let key, let accepted):
            writer.byte(2)
            writer.counted(key.bytes)
            writer.accepted(accepted)
        case .fastAccept(let key, let value):
            writer.byte(3)
            writer.counted(key.bytes)
            writer.value(value)
        case .learn(let key, let accepted):
            writer.byte(4)
            writer.counted(key.bytes)
            writer.accepted(accepted)
        case .read(let key):
            writer.byte(5)
            writer.counted(key.bytes)
        case .setEpoch(let configuration):
            writer.byte(6)
            writer.configuration(configuration)
        case .list(let after, let limit):
            writer.byte(7)
            writer.optional(after) { $0.counted($1.bytes) }
            writer.varint(UInt64(max(0, limit)))
        case .hello:
            writer.byte(8)
        case .pledge(let founder):
            writer.byte(9)
            writer.member(founder)
        }
    }

    init(_ kind: UInt8, from reader: inout ByteReader) throws(DecodingFailure) {
        switch kind {
        case 1:
            let key = try reader.key()
            let ballot = try reader.ballot()
            guard !ballot.isFast else { throw .malformed("ballot") }
            self = .prepare(key, ballot)
        case 2:
            let key = try reader.key()
            let accepted = try reader.accepted()
            guard !accepted.ballot.isFast else { throw .malformed("ballot") }
            self = .accept(key, accepted)
        case 3:
            let key = try reader.key()
            self = .fastAccept(key, try reader.value())
        case 4:
            let key = try reader.key()
            self = .learn(key, try reader.accepted())
        case 5: self = .read(try reader.key())
        case 6: self = .setEpoch(try reader.configuration())
        case 7:
            let after = try reader.optional { (r) throws(DecodingFailure) in try r.key() }
            self = .list(after: after, limit: try reader.count(atMost: Limits.nameListKeys))
        case 8: self = .hello
        case 9: self = .pledge(founder: try reader.member())
        default: throw .malformed("kind")
        }
    }
}

extension NameReply {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .vote(let vote):
            writer.byte(0x81)
            writer.flag(vote.granted)
            writer.state(vote.state)
        case .wrongEpoch(let configuration):
            writer.byte(0x82)
            writer.configuration(configuration)
        case .behind: writer.byte(0x83)
        case .epochSet: writer.byte(0x84)
        case .page(let keys, let isLast):
            writer.byte(0x85)
            writer.flag(isLast)
            writer.varint(UInt64(keys.count))
            for key in keys { writer.counted(key.bytes) }
        case .identity(let identity):
            writer.byte(0x86)
            writer.byte(identity.standing.rawValue)
            writer.optional(identity.pledge) { $0.member($1) }
            writer.optional(identity.configuration) { $0.configuration($1) }
        case .pledged(let founder):
            writer.byte(0x87)
            writer.member(founder)
        }
    }

    init(_ kind: UInt8, from reader: inout ByteReader) throws(DecodingFailure) {
        switch kind {
        case 0x81:
            let granted = try reader.flag()
            self = .vote(Vote(granted: granted, state: try reader.state()))
        case 0x82: self = .wrongEpoch(try reader.configuration())
        case 0x83: self = .behind
        case 0x84: self = .epochSet
        case 0x85:
            let isLast = try reader.flag()
            var keys: [RegisterKey] = []
            for _ in 0..<(try reader.count(atMost: Limits.nameListKeys)) { keys.append(try reader.key()) }
            self = .page(keys: keys, isLast: isLast)
        case 0x86:
            guard let standing = StoreIdentity.Standing(rawValue: try reader.byte()) else {
                throw .malformed("standing")
            }
            let pledge = try reader.optional { (r) throws(DecodingFailure) in try r.member() }
            let configuration = try reader.optional { (r) throws(DecodingFailure) in try r.configuration() }
            self = .identity(StoreIdentity(standing: standing, pledge: pledge, configuration: configuration))
        case 0x87: self = .pledged(founder: try reader.member())
        default: throw .malformed("kind")
        }
    }
}
