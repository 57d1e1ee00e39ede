// Random values of everything that is stored or sent, from a seed.

@testable import NameStore
import World

struct Samples {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func identifier<Kind>() -> Identifier<Kind> { Identifier(high: random.next(), low: random.next()) }
    mutating func node() -> NodeID { NodeID("n\(Int.random(in: 0..<20, using: &random))") ?? NodeID(literal: "n") }
    mutating func owner() -> OwnerDigest {
        OwnerDigest(Digest256(random.next(), random.next(), random.next(), random.next()))
    }

    mutating func key() -> RegisterKey {
        if random.chance(0.1) { return .configuration }
        let length = Int.random(in: 1...Limits.nameBytes, using: &random)
        let name = (0..<length).map { _ in UInt8.random(in: 0x61...0x7A, using: &random) }
        return RegisterKey(bytes: [1] + name) ?? .configuration
    }

    mutating func ballot() -> Ballot {
        random.chance(0.2)
            ? .fast
            : Ballot(round: UInt64.random(in: 1...1 << 40, using: &random), node: node(), session: random.next())
    }

    mutating func classic() -> Ballot {
        Ballot(round: UInt64.random(in: 1...1 << 20, using: &random), node: node(), session: random.next())
    }

    mutating func members() -> [AcceptorID] {
        let count = Int.random(in: 1...Limits.nameAcceptors, using: &random)
        let names = (0..<20).shuffled(using: &random).prefix(count).compactMap { NodeID("n\($0)") }.sorted()
        return names.map { AcceptorID(node: $0, store: identifier()) }
    }

    mutating func configuration() -> Configuration {
        while true {
            let epoch = UInt64.random(in: 1...1 << 40, using: &random)
            let joint = random.chance(0.5) ? members() : nil
            if let made = Configuration(epoch: epoch, acceptors: members(), successors: joint) { return made }
        }
    }

    mutating func value() -> RegisterValue {
        let body: RegisterValue.Body
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .vacant
        case 1: body = .held(owner())
        case 2: body = .released(owner())
        default:
            let ring = random.chance(0.5) ? UInt64.random(in: 1...9, using: &random) : 0
            let digest = ring == 0 ? [] : (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
            body = .configuration(
                ConfigurationState(configuration: configuration(), ringEpoch: ring, ringDigest: digest))
        }
        return RegisterValue(
            generation: UInt64.random(in: 1...1 << 50, using: &random), firstOperation: identifier(),
            lastOperation: identifier(), body: body)
    }

    mutating func accepted() -> Accepted { Accepted(ballot: ballot(), value: value()) }

    mutating func state() -> RecordState {
        RecordState(
            promised: random.chance(0.7) ? ballot() : nil, accepted: random.chance(0.7) ? accepted() : nil,
            known: random.chance(0.5) ? ballot() : nil)
    }

    mutating func request() -> NameRequest {
        switch Int.random(in: 0..<9, using: &random) {
        case 0: .prepare(key(), classic())
        case 1: .accept(key(), Accepted(ballot: classic(), value: value()))
        case 2: .fastAccept(key(), value())
        case 3: .learn(key(), accepted())
        case 4: .read(key())
        case 5: .setEpoch(configuration())
        case 6: .list(after: random.chance(0.5) ? key() : nil, limit: Int.random(in: 0...256, using: &random))
        case 7: .hello
        default: .pledge(founder: AcceptorID(node: node(), store: identifier()))
        }
    }

    mutating func reply() -> NameReply {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: return .vote(Vote(granted: random.chance(0.5), state: state()))
        case 1: return .wrongEpoch(configuration())
        case 2: return .behind
        case 3: return .epochSet
        case 4:
            let keys = (0..<Int.random(in: 0...40, using: &random)).map { _ in key() }
            return .page(keys: keys, isLast: random.chance(0.5))
        case 5:
            let standing = [StoreIdentity.Standing.unfounded, .founded, .quarantined][
                Int.random(in: 0..<3, using: &random)]
            return .identity(
                StoreIdentity(
                    standing: standing,
                    pledge: random.chance(0.5) ? AcceptorID(node: node(), store: identifier()) : nil,
                    configuration: random.chance(0.5) ? configuration() : nil))
        default: return .pledged(founder: AcceptorID(node: node(), store: identifier()))
        }
    }

    mutating func message() -> NameMessage {
        NameMessage(
            cluster: random.chance(0.8) ? identifier() : nil, epoch: random.next() >> 8,
            store: random.chance(0.8) ? identifier() : nil, exchange: random.next(),
            body: random.chance(0.5) ? .request(request()) : .reply(reply()))
    }
}
