// How the nodes of a simulated cluster come to their connections: both ends are the values that a server carries
// (`PeerLinkState`, `PeerServerState`), and what they say to each other goes over the wire. (In most runs the messages
// of the namestore fare worse than that: Names/SimulatedCluster+Names.swift.)

import Live
import NameStore
import Node
import Wire
import World

extension SimulatedCluster {
    /// How a node introduces itself, and whom it lets in.
    private func greeting(_ node: Int) -> PeerGreeting {
        PeerGreeting(
            identity: machines[node].identity, incarnation: machines[node].disk.life.incarnation,
            ring: machines[node].ring)
    }

    /// Of a node that has just started, to all others.
    mutating func openLinks(_ node: Int) {
        let life = machines[node].life
        for port in machines[node].node?.ports ?? [] {
            for peer in machines.indices where peer != node {
                let place = LinkPlace(client: node, port: port, server: peer)
                let target = machines[peer].identity
                network[place] = Link(state: PeerLinkState(to: target, at: target.name, jitter: random.fork()))
                schedule(.link(place, .wanted, life: life), after: .milliseconds(Int64(random.unit() * 300)))
            }
        }
    }

    // MARK: Where it is made

    /// Something happens to a link, and what is to be done about it is done.
    mutating func hear(_ event: PeerLinkState.Event, _ place: LinkPlace) throws {
        var actions = linkActions.borrow()
        network[place]?.state.handle(event, &actions.box)
        if !actions.box.isEmpty { ledger.add(event.played) }
        while let action = actions.next() {
            ledger.add(action.played)
            try carryOut(action, place)
        }
        linkActions.giveBack(consume actions)
    }

    private mutating func carryOut(_ action: PeerLinkState.Action, _ place: LinkPlace) throws {
        let (client, port, peer) = (place.client, place.port, machines[place.server].identity)
        let life = machines[client].life
        switch action {
        case .connect: schedule(.connect(place, life: life), after: transit(client, place.server))
        case .greet(let number):
            guard let connection = network[place]?.connection else { return }
            put(.hello(greeting(client).hello(port.lane)), connection, isToServer: true)
            let overdue = PeerLinkState.Event.welcomeIsOverdue(connection: number)
            schedule(.link(place, overdue, life: life), after: Limits.handshakeTimeout)
        case .acceptLargeFrames:
            if let connection = network[place]?.connection {
                network[connection].toClient.decoder.limit = Limits.frameBytes
            }
        case .up: if let input = SimulatedNode.Input(link: peer, port, isUp: true) { try step(client, input) }
        case .down: if let input = SimulatedNode.Input(link: peer, port, isUp: false) { try step(client, input) }
        case .answered(let replies):
            if !replies.isEmpty { try step(client, SimulatedNode.Input(replies, peer, port)) }
        case .lost(let asks): try step(client, SimulatedNode.Input(lost: asks, peer, port))
        case .deliver: checker.violate("a message of another kind than any that was sent")
        case .pause(let span):
            guard let pause = network[place]?.turnPause() else { return }
            schedule(.pauseEnds(place, pause: pause, life: life), after: span)
        case .endPause: _ = network[place]?.turnPause()
        case .disconnect:
            guard let connection = network[place]?.connection else { return }
            end(connection, isHeardOut: true)
            schedule(.link(place, .disconnected, life: life), after: .zero)
        case .reportRefusal, .reportTrouble: break  // for a log
        }
    }

    /// The packet that asks for a connection arrives. A machine answers by itself, whatever its node does; one without
    /// the node says no, and one without power nothing.
    mutating func connect(_ place: LinkPlace, life: UInt64) {
        let (client, server) = (place.client, place.server)
        let isSilent = machines[server].node == nil && random.chance(0.5)
        guard !isSilent, !isCut(client, server), !isCut(server, client) else {
            return schedule(.link(place, .unanswered, life: life), after: Limits.connectTimeout)
        }
        let back = transit(server, client)
        guard let loops = machines[server].node?.loopCount else {
            return schedule(.link(place, .failed("connection refused"), life: life), after: back)
        }
        let connection = network.accept(
            Connection(
                link: place, clientLife: life, loop: Int.random(in: 0..<loops, using: &random),
                serverLife: machines[server].life, accepted: PeerServerState(greeting: greeting(server))))
        schedule(.connected(connection), after: back)
        // One that stands still learns of it when it goes on.
        let accepted = max(now, machines[server].stoppedUntil)
        schedule(.accepted(connection, .greetingIsOverdue), at: accepted + Limits.handshakeTimeout)
    }

    mutating func breakOff(_ number: Int, as kind: Played) throws {
        guard !network[number].isBroken else { return }
        ledger.add(kind)
        let (place, life) = (network[number].link, network[number].clientLife)
        end(number, isHeardOut: random.chance(0.5))
        guard isRunning(place.client, life) else { return }
        if network[place]?.state.isOpen == false { ledger.add(.greetingBroken) }
        try hear(.disconnected, place)
    }

    /// Of what the client ends, and of half of what breaks, the server hears, after all that came before it.
    private mutating func end(_ number: Int, isHeardOut: Bool) {
        let (client, server) = (network[number].client, network[number].server)
        network.breakOff(number, isHeardOut: isHeardOut)
        guard isHeardOut, !isCut(client, server) else { return }
        let last = network[number].toServer.lastArrival
        schedule(
            .accepted(number, .disconnected), at: max(now + transit(client, server), last + Span(nanoseconds: 1)))
    }

    // MARK: Where it is accepted

    mutating func hear(_ event: PeerServerState.Event, _ connection: Int) throws {
        var actions = serverActions.borrow()
        network[connection].accepted.handle(event, &actions.box)
        if !actions.box.isEmpty { ledger.add(event.played) }
        while let action = actions.next() {
            ledger.add(action.played)
            try carryOut(action, connection)
        }
        serverActions.giveBack(consume actions)
    }

    private mutating func carryOut(_ action: PeerServerState.Action, _ connection: Int) throws {
        let (place, loop) = (network[connection].link, network[connection].loop)
        let server = place.server
        switch action {
        case .welcome(let welcome):
            guard !network[connection].isBroken else { return }
            put(.welcome(welcome), connection, isToServer: false)
            flush()
        case .acceptLargeFrames: network[connection].toServer.decoder.limit = Limits.frameBytes
        case .showedItself:
            for port in machines[server].node?.ports ?? [] {
                let back = LinkPlace(client: server, port: port, server: place.client)
                schedule(.link(back, .wanted, life: machines[server].life), after: hopTime(server))
            }
        case .serve(let envelope): try step(server, .loop(loop, .request(envelope, connection: connection)))
        case .serveMerges(let merges):
            for envelope in merges.envelopes {
                try step(server, .loop(loop, .request(envelope, connection: connection)))
            }
        case .gossip(let bytes, let node): try step(server, .control(.gossip(bytes, from: node)))
        case .disconnect:
            schedule(.accepted(connection, .disconnected), after: .zero)
            guard !network[connection].isBroken, !isCut(server, place.client) else { return }
            let last = network[connection].toClient.lastArrival
            schedule(.reset(connection), at: max(now + transit(server, place.client), last + Span(nanoseconds: 1)))
        case .reportRefusal, .left: break  // for a log, and to be counted
        case .names(let bytes, let node):
            try step(server, .name(.message(try NameMessage.decode(bytes), from: node)))
        case .live(let bytes, let node):
            try step(server, .control(.live(.message(try LiveMessage(decoding: bytes), from: node))))
        case .askToJoin, .giveRing, .joinedNoMore, .reportTrouble:
            checker.violate("a message of another kind than any that was sent")
        }
    }
}

extension Port {
    fileprivate var lane: Lane {
        switch self {
        case .loop: .data
        case .control: .control
        case .bulk: .bulk
        }
    }
}
