// What one node sends to another, from the frame to whoever hears of it; and what becomes of connections.

import Node
import Wire
import World

extension SimulatedCluster {
    mutating func send(_ message: PeerMessage, _ node: Int, _ port: Port, _ peer: Int) {
        let message = mutant?.spoil(message) ?? message
        guard case .request(let envelope) = message else {
            if let connection = network.standing(from: node, port, to: peer) {
                put(message, connection, isToServer: true)
            }
            return
        }
        let target = machines[peer].identity
        guard let connection = network.standing(from: node, port, to: peer) else {
            return schedule(
                .node(node, SimulatedNode.Input(unsent: envelope.id, target, port), life: machines[node].life),
                after: .zero)
        }
        if let reply = mutant?.answer(envelope) {
            return schedule(
                .node(node, SimulatedNode.Input([reply], target, port), life: machines[node].life),
                after: latency(node, peer))
        }
        network[connection].asked.insert(envelope.id)
        put(message, connection, isToServer: true)
        if isFaulty && random.chance(scenario.resets) {
            schedule(.reset(connection), after: .milliseconds(Int64(random.unit() * 50)))
        }
    }

    /// To leave with the next flush.
    mutating func put(_ message: PeerMessage, _ connection: Int, isToServer: Bool) {
        network[connection][isToServer].put(message, ledger)
        let end = ConnectionEnd(connection: connection, isToServer: isToServer)
        if !unflushed.contains(end) { unflushed.append(end) }
    }

    /// Sends on its way all that one event had to say, in one piece or two.
    mutating func flush() {
        guard !unflushed.isEmpty else { return }
        for end in unflushed where !network[end.connection].isBroken {
            let bytes = network[end.connection][end.isToServer].takeOutgoing(ledger)
            guard bytes.count > 1, random.chance(0.1) else {
                transmit(bytes, end.connection, isToServer: end.isToServer)
                continue
            }
            ledger.add(.framesCutApart)
            let middle = Int.random(in: 1..<bytes.count, using: &random)
            for piece in [bytes[..<middle], bytes[middle...]] {
                transmit(Array(piece), end.connection, isToServer: end.isToServer)
            }
        }
        unflushed.removeAll(keepingCapacity: true)
    }

    private mutating func transmit(_ bytes: [UInt8], _ connection: Int, isToServer: Bool) {
        let (client, server) = (network[connection].client, network[connection].server)
        let (from, to) = isToServer ? (client, server) : (server, client)
        guard !isCut(from, to) else { return network[connection][isToServer].held.append(bytes) }
        let last = network[connection][isToServer].lastArrival
        let arrival = max(now + latency(from, to), last + Span(nanoseconds: 1))
        network[connection][isToServer].lastArrival = arrival
        schedule(.bytes(connection, isToServer: isToServer, bytes), at: arrival)
    }

    func isOpen(_ connection: Int, _ isToServer: Bool) -> Bool {
        !network[connection].isBroken || (isToServer && network[connection].isHeardOut)
    }

    mutating func receive(_ bytes: [UInt8], _ connection: Int, _ isToServer: Bool) throws {
        let (client, server) = (network[connection].client, network[connection].server)
        let life = isToServer ? network[connection].serverLife : network[connection].clientLife
        guard isRunning(isToServer ? server : client, life) else { return }
        bytes.withUnsafeBytes { network[connection][isToServer].decoder.feed($0) }
        while isOpen(connection, isToServer), let payload = try network[connection][isToServer].decoder.next() {
            let message = try PeerMessage(decoding: payload)
            trace.add(1, now, UInt64(isToServer ? server : client), message)
            if isToServer {
                try heard(message, connection)
            } else {
                try answered(message, connection)
            }
        }
    }

    /// By the node that accepted the connection.
    private mutating func heard(_ message: PeerMessage, _ connection: Int) throws {
        let (client, server, loop) = (network[connection].client, network[connection].server, network[connection].loop)
        switch message {
        case .request(let envelope): try step(server, .loop(loop, .request(envelope, connection: connection)))
        case .mergeRequests(let merges):
            for envelope in merges.envelopes {
                try step(server, .loop(loop, .request(envelope, connection: connection)))
            }
        case .gossip(let bytes): try step(server, .control(.gossip(bytes, from: machines[client].identity)))
        default: checker.violate("a message of another kind than any that was sent")
        }
    }

    /// By the node that made the connection.
    private mutating func answered(_ message: PeerMessage, _ connection: Int) throws {
        let replies: [ReplyEnvelope]
        switch message {
        case .reply(let envelope): replies = [envelope]
        case .storedReplies(let stored): replies = Array(stored.envelopes)
        default: return checker.violate("a message of another kind than any that was sent")
        }
        let awaited = replies.filter { network[connection].asked.remove($0.id) != nil }
        guard !awaited.isEmpty else { return }
        let peer = machines[network[connection].server].identity
        try step(network[connection].client, SimulatedNode.Input(awaited, peer, network[connection].port))
    }

    /// Half a round trip and an exponential tail.
    mutating func latency(_ from: Int, _ to: Int) -> Span {
        if let delays = scenario.delays { return delays[from][to] }
        let base: Int64 =
            switch (machines[from].country, machines[to].country) {
            case ("de", "us"), ("us", "de"): 45
            case ("de", "jp"), ("jp", "de"): 110
            case ("jp", "us"), ("us", "jp"): 75
            default: 1
            }
        let tail = random.exponential(mean: .microseconds(500 + base * 100))
        return (.milliseconds(base) + tail) * max(1, min(20, max(machines[from].slowness, machines[to].slowness) / 4))
    }

    func isCut(_ from: Int, _ to: Int) -> Bool { cut.contains(DirectedLink(from: from, to: to)) }

    mutating func connect(_ node: Int, _ port: Port, _ peer: Int) throws {
        guard network.standing(from: node, port, to: peer) == nil else { return }
        guard machines[peer].stoppedUntil <= now, let loops = machines[peer].node?.loopCount, !isCut(node, peer),
            !isCut(peer, node)
        else { return reconnect(node, port, peer) }
        ledger.add(.connected)
        _ = network.open(
            Connection(
                client: node, port: port, clientLife: machines[node].life, server: peer,
                loop: Int.random(in: 0..<loops, using: &random), serverLife: machines[peer].life))
        if let input = SimulatedNode.Input(link: machines[peer].identity, port, isUp: true) { try step(node, input) }
        // It has shown itself, and ends the other side's pauses.
        for port in machines[peer].node?.ports ?? [] {
            schedule(.connect(peer, port, to: node, life: machines[peer].life), after: latency(node, peer))
        }
    }

    private mutating func reconnect(_ node: Int, _ port: Port, _ peer: Int) {
        let pause = Span.milliseconds(100 + Int64(random.unit() * 400))
        schedule(.connect(node, port, to: peer, life: machines[node].life), after: pause)
    }

    mutating func breakOff(_ connection: Int, as kind: Played) throws {
        guard !network[connection].isBroken else { return }
        ledger.add(kind)
        let broken = network[connection]
        let lost = network.breakOff(connection, isHeardOut: random.chance(0.5))
        guard isRunning(broken.client, broken.clientLife) else { return }
        let target = machines[broken.server].identity
        if let input = SimulatedNode.Input(link: target, broken.port, isUp: false) {
            try step(broken.client, input)
        }
        if let input = SimulatedNode.Input(lost: lost, target, broken.port) { try step(broken.client, input) }
        reconnect(broken.client, broken.port, broken.server)
    }

    /// What the cut affects is given up after a while, by its client; what it no longer affects goes on.
    mutating func networkChanged() {
        for number in network.standing(where: { isCut($0.client, $0.server) || isCut($0.server, $0.client) }) {
            schedule(.giveUp(number), after: .milliseconds(300 + Int64(random.unit() * 5_000)))
        }
        for number in network.standing(where: { !$0.toServer.held.isEmpty || !$0.toClient.held.isEmpty }) {
            for isToServer in [true, false] {
                let held = network[number][isToServer].held
                network[number][isToServer].held = []
                for bytes in held { transmit(bytes, number, isToServer: isToServer) }
            }
        }
    }
}
