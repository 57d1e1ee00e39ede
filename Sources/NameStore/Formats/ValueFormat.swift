// The encodings that records and messages share: ballots, values, configurations. docs/formats/namestore.md describes
// them.

import World

extension ByteWriter {
    /// Round, then for every ballot but the fast one node and session.
    mutating func ballot(_ value: Ballot) {
        varint(value.round)
        guard let node = value.node else { return }
        self.node(node)
        fixed64(value.session)
    }

    mutating func node(_ value: NodeID) {
        byte(UInt8(truncatingIfNeeded: value.name.utf8.count))
        raw(value.name.utf8)
    }

    mutating func identifier<Kind>(_ value: Identifier<Kind>) {
        fixed64(value.high)
        fixed64(value.low)
    }

    mutating func owner(_ value: OwnerDigest) {
        let words = value.digest.words
        for word in [words.0, words.1, words.2, words.3] { fixed64(word) }
    }

    mutating func value(_ value: RegisterValue) {
        switch value.body {
        case .vacant:
            byte(0)
            return
        case .held(let owner):
            byte(1)
            self.owner(owner)
        case .released(let owner):
            byte(2)
            self.owner(owner)
        case .configuration(let state):
            byte(3)
            configuration(state.configuration)
            varint(state.ringEpoch)
            counted(state.ringDigest)
        }
        varint(value.generation)
        identifier(value.firstOperation)
        identifier(value.lastOperation)
    }

    mutating func accepted(_ value: Accepted) {
        ballot(value.ballot)
        self.value(value.value)
    }

    mutating func member(_ value: AcceptorID) {
        node(value.node)
        identifier(value.store)
    }

    mutating func configuration(_ value: Configuration) {
        fixed64(value.epoch)
        members(value.acceptors)
        optional(value.successors) { $0.members($1) }
    }

    private mutating func members(_ set: [AcceptorID]) {
        varint(UInt64(set.count))
        for member in set { self.member(member) }
    }

    mutating func state(_ value: RecordState) {
        optional(value.promised) { $0.ballot($1) }
        optional(value.accepted) { $0.accepted($1) }
        optional(value.known) { $0.ballot($1) }
    }
}

extension ByteReader {
    mutating func ballot() throws(DecodingFailure) -> Ballot {
        let round = try varint()
        guard round > 0 else { return .fast }
        guard round <= Limits.ballotRound else { throw .malformed("round") }
        let node = try nodeID()
        return Ballot(round: round, node: node, session: try fixed64())
    }

    mutating func identifier<Kind>() throws(DecodingFailure) -> Identifier<Kind> {
        let high = try fixed64()
        return Identifier(high: high, low: try fixed64())
    }

    mutating func owner() throws(DecodingFailure) -> OwnerDigest {
        let (a, b, c) = (try fixed64(), try fixed64(), try fixed64())
        return OwnerDigest(Digest256(a, b, c, try fixed64()))
    }

    mutating func value() throws(DecodingFailure) -> RegisterValue {
        let body: RegisterValue.Body
        switch try byte() {
        case 0: return .vacant
        case 1: body = .held(try owner())
        case 2: body = .released(try owner())
        case 3:
            let configuration = try configuration()
            let epoch = try varint()
            let digest = try counted(atMost: 32)
            guard digest.count == 32 || (digest.isEmpty && epoch == 0) else { throw .malformed("ring digest") }
            body = .configuration(
                ConfigurationState(configuration: configuration, ringEpoch: epoch, ringDigest: digest))
        default: throw .malformed("value kind")
        }
        let generation = try varint()
        guard generation > 0, generation < UInt64.max >> 1 else { throw .malformed("generation") }
        let first: OperationID = try identifier()
        return RegisterValue(
            generation: generation, firstOperation: first, lastOperation: try identifier(), body: body)
    }

    mutating func accepted() throws(DecodingFailure) -> Accepted {
        let ballot = try ballot()
        return Accepted(ballot: ballot, value: try value())
    }

    mutating func member() throws(DecodingFailure) -> AcceptorID {
        let node = try nodeID()
        return AcceptorID(node: node, store: try identifier())
    }

    mutating func configuration() throws(DecodingFailure) -> Configuration {
        let epoch = try fixed64()
        guard epoch < UInt64.max >> 1 else { throw .malformed("epoch") }
        let acceptors = try members()
        let successors = try optional { (reader) throws(DecodingFailure) in try reader.members() }
        guard let value = Configuration(epoch: epoch, acceptors: acceptors, successors: successors),
            value.acceptors == acceptors, value.successors == successors
        else { throw .malformed("configuration") }
        return value
    }

    private mutating func members() throws(DecodingFailure) -> [AcceptorID] {
        var set: [AcceptorID] = []
        for _ in 0..<(try count(atMost: Limits.nameAcceptors)) { set.append(try member()) }
        return set
    }

    mutating func state() throws(DecodingFailure) -> RecordState {
        let promised = try optional { (reader) throws(DecodingFailure) in try reader.ballot() }
        let accepted = try optional { (reader) throws(DecodingFailure) in try reader.accepted() }
        let known = try optional { (reader) throws(DecodingFailure) in try reader.ballot() }
        return RecordState(promised: promised, accepted: accepted, known: known)
    }

    mutating func key() throws(DecodingFailure) -> RegisterKey {
        guard let key = RegisterKey(bytes: try counted(atMost: Limits.nameBytes + 1)) else { throw .malformed("key") }
        return key
    }
}
