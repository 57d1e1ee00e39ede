// What one node sends to another, from the frame to whoever hears of it; and what becomes of connections.

import Node
import Wire
import World

extension SimulatedCluster {
    mutating func send(_ message: PeerMessage, _ node: Int, _ port: Port, _ peer: Int) throws {
        let message = mutant?.spoil(message) ?? message
        guard case .request(let envelope) = message else {
            if let connection = network.standing(from: node, port, to: peer) {
                transmit(message, connection, isToServer: true)
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
                .node(node, SimulatedNode.Input(reply, target, port), life: machines[node].life),
                after: latency(node, peer))
        }
        network[connection].asked.insert(envelope.id)
        transmit(message, connection, isToServer: true)
        if isFaulty && random.chance(scenario.resets) {
            schedule(.reset(connection), after: .milliseconds(Int64(random.unit() * 50)))
        }
    }

    /// Sends a message on its way, in one piece or two.
    mutating func transmit(_ message: PeerMessage, _ connection: Int, isToServer: Bool) {
        let frame = SimulatedNetwork.frame(message)
        let middle = random.chance(0.1) ? Int.random(in: 1..<frame.count, using: &random) : frame.count
        for piece in [frame[..<middle], frame[middle...]] where !piece.isEmpty {
            transmit(Array(piece), connection, isToServer: isToServer)
        }
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

    mutating func receive(_ bytes: [UInt8], _ connection: Int, _ isToServer: Bool) throws {
        let (client, server) = (network[connection].client, network[connection].server)
        let life = isToServer ? network[connection].serverLife : network[connection].clientLife
        guard isRunning(isToServer ? server : client, life) else { return }
        bytes.withUnsafeBytes { network[connection][isToServer].decoder.feed($0) }
        while !network[connection].isBroken, let payload = try network[connection][isToServer].decoder.next() {
            let message = try PeerMessage(decoding: payload)
            trace.add(1, now, UInt64(isToServer ? server : client), message)
            switch message {
            case .request(let envelope):
                try step(
                    server, .loop(network[connection].loop, .request(envelope, connection: connection)))
            case .gossip(let bytes): try step(server, .control(.gossip(bytes, from: machines[client].identity)))
            case .reply(let envelope):
                guard network[connection].asked.remove(envelope.id) != nil else { continue }
                try step(client, SimulatedNode.Input(envelope, machines[server].identity, network[connection].port))
            default: checker.violate("a message of another kind than any that was sent")
            }
        }
    }

    /// Half a round trip and an exponential tail.
    mutating func latency(_ from: Int, _ to: Int) -> Span {
        if let delays = scenario.delays { return delays[from][to] }
        let pair = [machines[from].country, machines[to].country].sorted()
        let base: Int64 =
            switch (pair[0], pair[1]) {
            case ("de", "us"): 45
            case ("de", "jp"): 110
            case ("jp", "us"): 75
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

    mutating func breakOff(_ connection: Int) throws {
        guard !network[connection].isBroken else { return }
        let broken = network[connection]
        let lost = network.breakOff(connection)
        guard isRunning(broken.client, broken.clientLife) else { return }
        let target = machines[broken.server].identity
        if let input = SimulatedNode.Input(link: target, broken.port, isUp: false) {
            try play(.node(broken.client, input, life: broken.clientLife))
        }
        if let input = SimulatedNode.Input(lost: lost, target, broken.port) {
            try play(.node(broken.client, input, life: broken.clientLife))
        }
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
