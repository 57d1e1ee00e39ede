// The encodings that records and messages share: ballots, values, configurations. docs/formats/namestore.md describes
// them.

import World

extension ByteWriter {
    /// Round, then for every ballot but the fast one node and incarnation.
    mutating func ballot(_ value: Ballot) {
        varint(value.round)
        guard let node = value.node else { return }
        self.node(node)
        fixed64(value.incarnation)
    }

    /// A presence byte, then the thing.
    mutating func optional<T>(_ value: T?, _ write: (inout ByteWriter, T) -> Void) {
        byte(value == nil ? 0 : 1)
        if let value { write(&self, value) }
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
            blob(state.ringDigest)
        }
        varint(value.generation)
        identifier(value.firstOperation)
        identifier(value.lastOperation)
    }

    mutating func accepted(_ value: Accepted) {
        ballot(value.ballot)
        self.value(value.value)
    }

    mutating func member(_ value: Member) {
        node(value.node)
        identifier(value.store)
    }

    mutating func configuration(_ value: Configuration) {
        fixed64(value.epoch)
        members(value.acceptors)
        optional(value.successors) { $0.members($1) }
    }

    private mutating func members(_ set: [Member]) {
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
    mutating func ballot() throws(FormatError) -> Ballot {
        let round = try varint()
        guard round > 0 else { return .fast }
        guard round <= Limits.ballotRound else { throw .invalid("round") }
        let node = try node()
        return Ballot(round: round, node: node, incarnation: try fixed64())
    }

    mutating func optional<T>(_ read: (inout ByteReader) throws(FormatError) -> T) throws(FormatError) -> T? {
        try flag() ? try read(&self) : nil
    }

    mutating func value() throws(FormatError) -> RegisterValue {
        let body: RegisterValue.Body
        switch try byte() {
        case 0: return .vacant
        case 1: body = .held(try owner())
        case 2: body = .released(try owner())
        case 3:
            let configuration = try configuration()
            let epoch = try varint()
            let digest = try blob(upTo: 32)
            guard digest.count == 32 || (digest.isEmpty && epoch == 0) else { throw .invalid("ring digest") }
            body = .configuration(
                ConfigurationState(configuration: configuration, ringEpoch: epoch, ringDigest: digest))
        default: throw .invalid("value kind")
        }
        let generation = try varint()
        guard generation > 0, generation < UInt64.max >> 1 else { throw .invalid("generation") }
        let first: OperationID = try identifier()
        return RegisterValue(
            generation: generation, firstOperation: first, lastOperation: try identifier(), body: body)
    }

    mutating func accepted() throws(FormatError) -> Accepted {
        let ballot = try ballot()
        return Accepted(ballot: ballot, value: try value())
    }

    mutating func member() throws(FormatError) -> Member {
        let node = try node()
        return Member(node: node, store: try identifier())
    }

    mutating func configuration() throws(FormatError) -> Configuration {
        let epoch = try fixed64()
        guard epoch < UInt64.max >> 1 else { throw .invalid("epoch") }
        let acceptors = try members()
        let successors = try optional { (reader) throws(FormatError) in try reader.members() }
        guard let value = Configuration(epoch: epoch, acceptors: acceptors, successors: successors),
            value.acceptors == acceptors, value.successors == successors
        else { throw .invalid("configuration") }
        return value
    }

    private mutating func members() throws(FormatError) -> [Member] {
        var set: [Member] = []
        for _ in 0..<(try count(upTo: Limits.nameAcceptors)) { set.append(try member()) }
        return set
    }

    mutating func state() throws(FormatError) -> RecordState {
        let promised = try optional { (reader) throws(FormatError) in try reader.ballot() }
        let accepted = try optional { (reader) throws(FormatError) in try reader.accepted() }
        let known = try optional { (reader) throws(FormatError) in try reader.ballot() }
        return RecordState(promised: promised, accepted: accepted, known: known)
    }

    mutating func key() throws(FormatError) -> RegisterKey {
        guard let key = RegisterKey(bytes: try blob(upTo: Limits.nameBytes + 1)) else { throw .invalid("key") }
        return key
    }
}
