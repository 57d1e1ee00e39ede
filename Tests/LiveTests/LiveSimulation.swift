// Live reads under cuts, crashes, lost replication, slow readers and new lives: all that is said goes through its
// bytes, over links that keep their order and lose what is on them while they are cut.

import DataTypes
import Causality
import Keys
import Ring
import World

@testable import Live

struct LiveSimulation {
    struct Verdict {
        var violations: [String] = []
        var delays: [Span] = []
        var resets = 0
        var events = 0
        var readies = 0
    }

    private enum Event {
        case message(from: NodeID, to: NodeID, [UInt8])
        case disk(replica: Int, life: UInt64, WatchTable.Input)
        case merge(from: NodeID, replica: Int, [UInt8], StoredObject)
        case drained(gateway: Int, UInt64)
    }

    private struct Gateway {
        let node: NodeID
        var life: UInt64 = 1
        var isUp = true
        var hub: LiveHub
    }

    private struct Link: Hashable {
        let from: NodeID
        let to: NodeID
    }

    private struct Connection {
        var gateway: Int?
        var number: UInt64 = 0
        var slowUntil = Span.zero
    }

    private static let quiet = Span.seconds(26)
    /// Until then nothing is repaired any more: what one primary alone has comes from that one.
    private static let repaired = Span.seconds(36)
    private static let end = Span.seconds(45)
    private static let step = Span.milliseconds(20)

    private let seams: LiveSeams
    private let ring: RingSnapshot
    private var random: SeededRandom
    private var time = Span.zero
    private var replicas: [SimulatedReplica] = []
    private var gateways: [Gateway] = []
    private var clients: [SimulatedClient] = []
    private var connections: [Connection] = []
    private var nextConnection: UInt64 = 0
    /// Ascending by time; what was sent earlier first.
    private var events: [(at: Span, event: Event)] = []
    private var lastArrival: [Link: Span] = [:]
    private var cuts: [Link: Span] = [:]
    private var made: [[UInt8]: [(versions: VersionVector, at: Span)]] = [:]
    private var keys: [[UInt8]] = []
    private var verdict = Verdict()
    private let losesGateway: Bool

    static func run(seed: UInt64, seams: LiveSeams = LiveSeams()) throws -> Verdict {
        var simulation = try LiveSimulation(seed: seed, seams: seams)
        try simulation.play()
        return simulation.verdict
    }

    private init(seed: UInt64, seams: LiveSeams) throws {
        self.seams = seams
        random = SeededRandom(seed: seed)
        ring = try Cluster.ring()
        losesGateway = random.chance(0.3)
        for node in Cluster.replicas { replicas.append(SimulatedReplica(node, ring, ringKeys: 8, seams: seams)) }
        for node in Cluster.gateways {
            gateways.append(Gateway(node: node, hub: LiveSimulation.hub(node, life: 1, ring, &random, seams)))
        }
        for item in 0..<12 { keys.append(try Cluster.key("p", "item-\(item)").bytes) }
        for _ in 0..<3 { clients.append(SimulatedClient(clients.count, try Cluster.range("p"))) }
        clients.append(SimulatedClient(clients.count, LiveTarget(key: try Cluster.key("p", "item-3"))))
        connections = Array(repeating: Connection(), count: clients.count)
    }

    /// Room for a few contents alone, so that they are dropped and read again.
    private static func hub(
        _ node: NodeID, life: UInt64, _ ring: RingSnapshot, _ random: inout SeededRandom, _ seams: LiveSeams
    ) -> LiveHub {
        var room = LiveRoom(contentBytes: Int.random(in: 500...4_000, using: &random))
        room.seams = seams
        var hub = LiveHub(identity: node, life: life, ring: ring, room: room)
        var out = Outbox<LiveHub.Effect>()
        let origin = Now(instant: .origin, wall: WallTime(milliseconds: 0))
        hub.handle(.ranking(Cluster.replicas.shuffled(using: &random)), origin, &out)
        return hub
    }

    private var now: Now {
        Now(
            instant: Instant.origin + time,
            wall: WallTime(milliseconds: 1_795_000_000_000 + UInt64(time.nanoseconds / 1_000_000)))
    }

    private func isCut(_ from: NodeID, _ to: NodeID) -> Bool { (cuts[Link(from: from, to: to)] ?? .zero) > time }

    private mutating func schedule(_ event: Event, after delay: Span) {
        let at = time + delay
        events.insert((at, event), at: events.firstPlace { $0.at <= at })
    }

    // MARK: The run

    private mutating func play() throws {
        while time < LiveSimulation.end {
            if time < LiveSimulation.quiet { trouble() } else { calm() }
            while let first = events.first, first.at <= time {
                events.removeFirst()
                happen(first.event)
            }
            if time == LiveSimulation.repaired { judge("while replicas differ") }
            if time < LiveSimulation.quiet || time >= LiveSimulation.repaired,
                time.nanoseconds % Span.seconds(3).nanoseconds == 0
            {
                repair()
            }
            if time.nanoseconds % Span.milliseconds(100).nanoseconds == 0 { tick() }
            for client in clients.indices where connections[client].gateway == nil { try connect(client) }
            time = time + LiveSimulation.step
        }
        judge("when replicas have met")
        judgeLeases()
    }

    private mutating func trouble() {
        if random.chance(0.1) { write() }
        if random.chance(0.006) { cut() }
        if random.chance(0.002) { replicas[Int.random(in: 0..<3, using: &random)].crash() }
        if random.chance(0.006) { revive(Int.random(in: 0..<3, using: &random)) }
        if random.chance(0.001) { crash(gateway: Int.random(in: 0..<2, using: &random)) }
        if random.chance(0.004) { disconnect(Int.random(in: 0..<clients.count, using: &random)) }
        if random.chance(0.01) {
            connections[Int.random(in: 0..<clients.count, using: &random)].slowUntil =
                time + .milliseconds(Int64.random(in: 0...3_000, using: &random))
        }
    }

    /// All heals at one moment, but for a gateway that may have gone for good.
    private mutating func calm() {
        guard time == LiveSimulation.quiet else { return }
        cuts = [:]
        for replica in replicas.indices { revive(replica) }
        if losesGateway { crash(gateway: 1) }
    }

    private mutating func write() {
        let replica = Int.random(in: 0..<3, using: &random)
        guard replicas[replica].isUp, let key = keys.randomElement(using: &random) else { return }
        let value = random.chance(0.15) ? nil : "value \(time.nanoseconds / 1_000_000) of \(replica)"
        var out = Outbox<WatchTable.Effect>()
        let object = replicas[replica].write(key, value, at: now, &out)
        carryOut(replica, &out)
        made[key, default: []].append((object.versions, time))
        for other in replicas.indices where other != replica && random.chance(0.9) {
            let delay = Span.milliseconds(Int64.random(in: 5...150, using: &random))
            schedule(.merge(from: replicas[replica].node, replica: other, key, object), after: delay)
        }
    }

    private mutating func cut() {
        let replica = Cluster.replicas[Int.random(in: 0..<3, using: &random)]
        let others = random.chance(0.7) ? Cluster.gateways : Cluster.replicas
        guard let other = others.randomElement(using: &random) else { return }
        let until = time + .milliseconds(Int64.random(in: 500...8_000, using: &random))
        cuts[Link(from: replica, to: other)] = until
        if random.chance(0.7) { cuts[Link(from: other, to: replica)] = until }
    }

    private mutating func revive(_ replica: Int) { replicas[replica].start() }

    private mutating func crash(gateway: Int) {
        gateways[gateway].isUp = false
        for client in clients.indices where connections[client].gateway == gateway { connections[client].gateway = nil }
        guard time < LiveSimulation.quiet else { return }
        // It is back at once, and knows nothing.
        gateways[gateway].isUp = true
        gateways[gateway].life += 1
        gateways[gateway].hub = LiveSimulation.hub(
            gateways[gateway].node, life: gateways[gateway].life, ring, &random, seams)
    }

    /// Anti-entropy between all that reach each other.
    private mutating func repair() {
        for from in replicas.indices {
            for to in replicas.indices where from != to && replicas[from].isUp && replicas[to].isUp {
                guard !isCut(replicas[from].node, replicas[to].node) else { continue }
                var out = Outbox<WatchTable.Effect>()
                for key in keys {
                    if let object = replicas[from].objects[key] { replicas[to].merge(key, object, at: now, &out) }
                }
                carryOut(to, &out)
            }
        }
    }

    private mutating func tick() {
        for replica in replicas.indices where replicas[replica].isUp {
            var out = Outbox<WatchTable.Effect>()
            replicas[replica].handle(.tick, now, &out)
            carryOut(replica, &out)
        }
        for gateway in gateways.indices where gateways[gateway].isUp { hear(gateway, .tick) }
    }

    // MARK: Clients

    private mutating func connect(_ client: Int) throws {
        let up = gateways.indices.filter { gateways[$0].isUp }
        guard let gateway = up.randomElement(using: &random) else { return }
        nextConnection += 1
        connections[client].gateway = gateway
        connections[client].number = nextConnection
        clients[client].connect()
        let resume = try clients[client].lastID.map { try EventID($0, watches: 1) }
        let watch = LiveSubscription.Watch(target: clients[client].target, name: Array("watch".utf8))
        hear(
            gateway,
            .subscribe(
                nextConnection, LiveSubscription(watches: [watch], resume: resume, tellsPositions: random.chance(0.5))))
    }

    private mutating func disconnect(_ client: Int) {
        guard let gateway = connections[client].gateway else { return }
        connections[client].gateway = nil
        hear(gateway, .closed(connections[client].number))
    }

    private mutating func written(_ gateway: Int, _ number: UInt64, _ pieces: [ArraySlice<UInt8>]) {
        guard
            let client = connections.firstIndex(where: { $0.gateway == gateway && $0.number == number })
        else { return }
        clients[client].read(pieces)
        if time < LiveSimulation.quiet {
            for (key, versions) in clients[client].arrivals {
                if let write = made[key]?.first(where: { $0.versions == versions }) {
                    verdict.delays.append(time - write.at)
                }
            }
        }
        clients[client].forgetArrivals()
        let slow = connections[client].slowUntil
        schedule(.drained(gateway: gateway, number), after: slow > time ? slow - time : .milliseconds(5))
    }

    // MARK: What happens

    private mutating func happen(_ event: Event) {
        switch event {
        case .message(let from, let to, let bytes):
            guard !isCut(from, to) else { return }
            guard let message = try? LiveMessage(decoding: bytes), message.encode() == bytes else {
                return verdict.violations.append("a message that does not come back")
            }
            if let replica = replicas.firstIndex(where: { $0.node == to }) {
                guard replicas[replica].isUp else { return }
                var out = Outbox<WatchTable.Effect>()
                replicas[replica].handle(.received(message, from: from), now, &out)
                carryOut(replica, &out)
            } else if let gateway = gateways.firstIndex(where: { $0.node == to }), gateways[gateway].isUp {
                hear(gateway, .received(message, from: from))
            }
        case .disk(let replica, let life, let input):
            guard replicas[replica].isUp, replicas[replica].life == life else { return }
            var out = Outbox<WatchTable.Effect>()
            replicas[replica].handle(input, now, &out)
            carryOut(replica, &out)
        case .merge(let from, let replica, let key, let object):
            guard replicas[replica].isUp, !isCut(from, replicas[replica].node) else { return }
            var out = Outbox<WatchTable.Effect>()
            replicas[replica].merge(key, object, at: now, &out)
            carryOut(replica, &out)
        case .drained(let gateway, let number):
            if gateways[gateway].isUp { hear(gateway, .drained([number])) }
        }
    }

    private mutating func carryOut(_ replica: Int, _ out: inout Outbox<WatchTable.Effect>) {
        for effect in out.take() {
            if case .send(let message, let to) = effect {
                send(message, from: replicas[replica].node, to: to)
            } else if let answer = replicas[replica].carryOut(effect) {
                var input = answer
                if random.chance(0.02) {
                    switch answer {
                    case .read(let id, _), .listed(let id, _, _): input = .failed(id)
                    default: break
                    }
                }
                let delay = Span.milliseconds(Int64.random(in: 1...10, using: &random))
                schedule(.disk(replica: replica, life: replicas[replica].life, input), after: delay)
            }
        }
    }

    private mutating func hear(_ gateway: Int, _ input: LiveHub.Input) {
        var out = Outbox<LiveHub.Effect>()
        gateways[gateway].hub.handle(input, now, &out)
        for effect in out.take() {
            switch effect {
            case .send(let message, let to): send(message, from: gateways[gateway].node, to: to)
            case .write(let number, let pieces): written(gateway, number, pieces)
            case .end(let number, let reason): verdict.violations.append("connection \(number) was ended: \(reason)")
            }
        }
    }

    private mutating func send(_ message: LiveMessage, from: NodeID, to: NodeID) {
        guard !isCut(from, to) else { return }
        let link = Link(from: from, to: to)
        let arrival = max(time + .milliseconds(Int64.random(in: 10...120, using: &random)), lastArrival[link] ?? .zero)
        lastArrival[link] = arrival
        schedule(.message(from: from, to: to, message.encode()), after: arrival - time)
    }

    // MARK: The verdict

    /// Whether each client was sent what the primaries have, all taken together.
    private mutating func judge(_ when: String) {
        let last = Dictionary(
            uniqueKeysWithValues: keys.map { key in
                (
                    key,
                    replicas.reduce(into: StoredObject()) {
                        if let object = $1.objects[key] { $0.merge(object, rule: .siblings) }
                    }
                )
            })
        for client in clients {
            if let complaint = client.complaint { verdict.violations.append(complaint) }
            if !client.isReady { verdict.violations.append("client \(client.number) was never told that all is there") }
            for key in keys where client.target.contains(key) {
                guard let last = last[key], let lack = lack(of: client.shown[key], last) else { continue }
                verdict.violations.append("client \(client.number) \(lack), \(when)")
            }
        }
    }

    private func lack(of shown: SimulatedClient.Shown?, _ last: StoredObject) -> String? {
        guard last.hasValue else {
            return shown.map { $0.versions.covers(last.versions) } ?? true ? nil : "still shows what was deleted"
        }
        guard let shown, shown.versions.covers(last.versions) else { return "was never sent the last state" }
        guard last.values.count == 1, case .value(let bytes)? = last.values.first?.payload else { return nil }
        return shown.value == String(decoding: bytes, as: UTF8.self) ? nil : "shows another value"
    }

    private mutating func judgeLeases() {
        for client in clients {
            verdict.resets += client.events["reset"] ?? 0
            verdict.readies += client.events["ready"] ?? 0
            verdict.events += client.events.values.reduce(0, +)
        }
        guard losesGateway else { return }
        for replica in replicas where replica.table.sessions.contains(where: { $0.node == gateways[1].node }) {
            verdict.violations.append("\(replica.node) still keeps the watches of a node that is gone")
        }
    }
}
