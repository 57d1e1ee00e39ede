// Live reads in a simulated cluster: clients that listen through any node, some slowly, and come back when their
// connection ends.

import Ring
import DataTypes
import Keys
import Live
import Node
import Social
import World

enum LiveEvent {
    case connect(Int)
    /// The client closes its connection by itself.
    case leave(Int)
}

extension SimulatedCluster {
    /// Of a key, and of all items under one.
    static func listeners(_ scenario: Scenario, _ load: Workload) -> [LiveListener] {
        guard scenario.listens else { return [] }
        var listeners: [LiveListener] = []
        for (place, key) in load.keys.enumerated().prefix(Scenario.listeners) {
            var target = LiveTarget(key: key)
            if key.sortKey != nil, place % 2 == 0 {
                target =
                    (try? LiveTarget(
                        bucket: key.bucket, partitionKey: key.partitionKey, start: nil, end: nil, prefix: nil))
                    ?? target
            }
            listeners.append(LiveListener(target, name: "listener \(place)"))
        }
        return listeners
    }

    mutating func beginListening() {
        for listener in listeners.indices { schedule(.live(.connect(listener)), after: pause(upTo: 1_500)) }
    }

    private mutating func pause(upTo most: Int64) -> Span {
        .milliseconds(Int64.random(in: 50...most, using: &liveRandom))
    }

    mutating func play(_ event: LiveEvent) throws {
        switch event {
        case .connect(let listener): try connect(listener)
        case .leave(let listener):
            guard let connection = listeners[listener].connection else { return }
            listeners[listener].connection = nil
            schedule(.live(.connect(listener)), after: pause(upTo: 1_000))
            guard isRunning(connection.node, connection.life) else { return }
            schedule(
                .node(connection.node, .control(.live(.closed(connection.number))), life: connection.life), after: .zero
            )
        }
    }

    private mutating func connect(_ listener: Int) throws {
        guard listeners[listener].connection == nil else { return }
        let running = machines.indices.filter { machines[$0].node != nil && machines[$0].stoppedUntil <= now }
        guard let node = running.randomElement(using: &liveRandom) else {
            return schedule(.live(.connect(listener)), after: pause(upTo: 500))
        }
        nextListening += 1
        listeners[listener].connection = (node, machines[node].life, nextListening)
        let subscription = listeners[listener].subscription(tellsPositions: liveRandom.chance(0.5))
        ledger.add(.liveConnected)
        try step(node, .control(.live(.subscribe(nextListening, subscription))))
        if isFaulty { schedule(.live(.leave(listener)), after: pause(upTo: 6_000)) }
    }

    /// What a node wants done for one of its clients.
    mutating func carryOut(_ effect: LiveDesk.Effect, _ node: Int) {
        switch effect {
        case .write(let number, let pieces):
            if heard(.bytes(pieces), reader: number) { return }
            guard let listener = listeners.firstIndex(where: { $0.connection?.number == number }) else { return }
            listeners[listener].read(pieces)
            let slowness = isFaulty && liveRandom.chance(0.1) ? pause(upTo: 2_000) : pause(upTo: 60)
            schedule(.node(node, .control(.live(.drained([number]))), life: machines[node].life), after: slowness)
        case .end(let number, let reason):
            if heard(.ended, reader: number) { return }
            guard let listener = listeners.firstIndex(where: { $0.connection?.number == number }) else { return }
            checker.violate("\(listeners[listener].name) was ended: \(reason)")
        case .send, .told: break
        }
    }

    /// A node is no more, and its clients' connections with it.
    mutating func listenersLost(_ node: Int) {
        for listener in listeners.indices where listeners[listener].connection?.node == node {
            listeners[listener].connection = nil
            schedule(.live(.connect(listener)), after: pause(upTo: 1_000))
        }
    }

    /// What some listener has not been sent of what all replicas have; nil if each has heard all.
    var unheard: String? {
        guard !listeners.isEmpty else { return nil }
        let wall = WallTime(milliseconds: .max)
        for key in load.keys {
            let last = replicas(of: key).reduce(into: StoredObject()) { all, replica in
                guard let object = replica.bytes.flatMap({ try? StoredObject(decoding: $0) }) else { return }
                all.merge(object, rule: ring.properties(ofBucket: key.bucket).conflict)
            }
            for listener in listeners {
                if !listener.isReady { return "\(listener.name) was never told that all is there" }
                if let lack = listener.lack(of: key, last, at: wall) {
                    return "\(listener.name) \(lack) of \(checker.name(key)): \(checker.describe(last))"
                }
            }
        }
        return nil
    }

    mutating func finishListening() {
        for listener in listeners {
            if let complaint = listener.complaint { checker.violate(complaint) }
            ledger.add(.liveResumed, times: listener.resumptions)
            ledger.add(.liveReset, times: listener.resets)
            trace.add(9, now, UInt64(listener.events), UInt64(listener.resets))
        }
        if let unheard { checker.violate("not heard a while after all was the same: \(unheard)") }
    }
}
