// What the comparison sees of a client: it takes reads, asks servers, hears their answers. Here the one that is a
// node's own gateway.

import Gateway
import Keys
import Ring
import Wire
import World

enum SelectionEffect {
    /// `name` comes back with the answer.
    case ask(server: Int, name: UInt64)
    case answered(read: UInt64)
}

struct SelectionAnswer {
    let name: UInt64
    let server: Int
    let service: Span
    /// What waited at the server when it was done.
    let waiting: Int
    let isFailure: Bool
}

protocol SelectionClient {
    /// Begins the read `id` of the key with the number `key`.
    mutating func begin(
        _ id: UInt64, key: Int, _ servers: [SelectionServer], _ now: Instant, _ out: inout Outbox<SelectionEffect>)
    mutating func receive(_ answer: SelectionAnswer, _ now: Instant, _ out: inout Outbox<SelectionEffect>)
    /// When `wake` has something to do; nil if never.
    var nextWake: Instant? { mutating get }
    mutating func wake(_ now: Instant, _ out: inout Outbox<SelectionEffect>)
}

/// The product's code, as a request loop uses it.
struct GatewayClient: SelectionClient {
    private var gateway: GatewayState
    private let ring: SelectionRing
    private let places: [NodeID: Int]
    /// Hedges are sent by a gateway that is woken in time.
    private let hedges: Bool
    private var effects = Outbox<GatewayEffect>()

    init(_ ring: SelectionRing, client: Int, hedges: Bool, random: SeededRandom) {
        gateway = GatewayState(identity: ring.clients[client], ring: ring.snapshot, random: random, now: .origin)
        self.ring = ring
        self.hedges = hedges
        places = Dictionary(uniqueKeysWithValues: zip(ring.servers, ring.servers.indices))
        for server in ring.servers { gateway.setAvailable(server, true) }
    }

    private func both(_ now: Instant) -> Now { Now(instant: now, wall: WallTime(milliseconds: 0)) }

    mutating func begin(
        _ id: UInt64, key: Int, _ servers: [SelectionServer], _ now: Instant, _ out: inout Outbox<SelectionEffect>
    ) {
        gateway.begin(id, ClientRequest(.read, key: ring.keys[key], level: .one), now: both(now), &effects)
        carryOut(&out)
    }

    mutating func receive(_ answer: SelectionAnswer, _ now: Instant, _ out: inout Outbox<SelectionEffect>) {
        let reply = ReplyEnvelope(
            id: answer.name, inFlight: UInt32(answer.waiting),
            serviceMicroseconds: UInt32(answer.service.nanoseconds / 1_000),
            reply: answer.isFailure ? .refused(Refusal(.busy)) : .object(nil))
        gateway.receive(reply, from: ring.servers[answer.server], now: both(now), &effects)
        carryOut(&out)
    }

    var nextWake: Instant? { mutating get { hedges ? gateway.nextWake : nil } }

    mutating func wake(_ now: Instant, _ out: inout Outbox<SelectionEffect>) {
        gateway.wake(now: both(now), &effects)
        carryOut(&out)
    }

    private mutating func carryOut(_ out: inout Outbox<SelectionEffect>) {
        for effect in effects.take() {
            switch effect {
            case .ask(let node, let envelope):
                if let place = places[node] { out.emit(.ask(server: place, name: envelope.id)) }
            case .answer(let id, _): out.emit(.answered(read: id))
            case .takeBack: break
            }
        }
    }
}
