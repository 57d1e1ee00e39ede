// What one node sends to another, from the frame to whoever hears of it; and what cuts do to connections.

import Node
import Wire
import World

extension SimulatedCluster {
    mutating func send(_ message: PeerMessage, _ node: Int, _ port: Port, _ peer: Int) {
        let message = mutant?.spoil(message) ?? message
        let place = LinkPlace(client: node, port: port, server: peer)
        let connection = network.open(place)
        guard case .request(let envelope) = message else {
            if let connection { put(message, connection, isToServer: true) }
            return
        }
        let target = machines[peer].identity
        guard let connection else {
            return schedule(
                .node(node, SimulatedNode.Input(unsent: envelope.id, target, port), life: machines[node].life),
                after: .zero)
        }
        if let reply = mutant?.answer(envelope) {
            return schedule(
                .node(node, SimulatedNode.Input([reply], target, port), life: machines[node].life),
                after: latency(node, peer))
        }
        network[place]?.state.sent(envelope.id)
        put(message, connection, isToServer: true)
        if isFaulty && random.chance(scenario.resets) {
            // A packet may be lost: what it carried comes late, even where the connection is no more by then.
            let late = now + .milliseconds(Int64(random.unit() * 1_000))
            if random.chance(0.5) { network[connection].toServer.delay(until: late) }
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
                try hear(.received(message), connection)
            } else {
                try hear(.received(message), network[connection].link)
            }
        }
    }

    /// Half a round trip and an exponential tail.
    mutating func latency(_ from: Int, _ to: Int) -> Span {
        transit(from, to) * max(1, min(20, max(machines[from].slowness, machines[to].slowness) / 4))
    }

    /// What of it is not the nodes' own: packets that machines send and answer by themselves take no more.
    mutating func transit(_ from: Int, _ to: Int) -> Span {
        if let delays = scenario.delays { return delays[from][to] }
        let base = network.way(from, to)
        return .milliseconds(base) + random.exponential(mean: .microseconds(500 + base * 100))
    }

    func isCut(_ from: Int, _ to: Int) -> Bool { cut.contains(DirectedLink(from: from, to: to)) }

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
