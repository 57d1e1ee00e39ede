// A connection that a peer has made, as text: each line at the margin is something that happens, the indented ones
// below are what is to be done about it. There is no channel, no timer and no clock.

import Ring
import RingFile
import Testing
@testable import Wire
import World

@testable import Node

private struct ScriptRunner {
    private var state: PeerServerState
    private let peer: PeerGreeting
    private var out = Outbox<PeerServerState.Action>()

    init() throws {
        let ring = try ScriptRunner.ring()
        state = PeerServerState(
            greeting: PeerGreeting(identity: NodeID(literal: "de-1"), incarnation: 7, ring: ring))
        peer = PeerGreeting(identity: NodeID(literal: "us-1"), incarnation: 1, ring: ring)
    }

    private static func ring() throws -> RingSnapshot {
        let nodes = ["de-1", "us-1"].enumerated().map { place, name in
            """
            [[node]]
            id = "\(name)"
            country = "\(name.prefix(2))"
            zone = "z"
            peer = "127.0.0.1:\(7000 + place)"
            http = "127.0.0.1:\(8000 + place)"
            capacity = "1TB"

            """
        }
        let head = """
            cluster = "scripted"
            partitions = 8
            [defaults]
            placement = "world"
            [placement.world]
            rule = "any:2"
            [country.de]
            location = [50.11, 8.68]
            [country.us]
            location = [38.95, -77.45]

            """
        return RingSnapshot(try RingDocument.compile(ringFile: head + nodes.joined(), fileName: "test"))
    }

    mutating func replay(_ script: String) throws -> String {
        var lines: [String] = []
        for line in script.split(separator: "\n") where !line.hasPrefix("  ") {
            lines.append(String(line))
            state.handle(try event(line.split(separator: " ").map(String.init)), &out)
            lines += out.take().map { "  " + describe($0) }
        }
        return lines.joined(separator: "\n")
    }

    private func event(_ words: [String]) throws -> PeerServerState.Event {
        let rest = words.dropFirst().joined(separator: " ")
        var hello = peer.hello(.data)
        switch words[0] {
        case "hello":
            switch words.dropFirst().first {
            case "node": hello.node = words[2]
            case "cluster": hello.cluster = words[2]
            case "version": hello.version = 99
            case "digest": hello.ringDigest = [1]
            case "epoch": (hello.ringEpoch, hello.ringDigest) = (2, [1])
            case "joining": (hello.joining, hello.cluster, hello.node) = (true, "", "new")
            default: hello.lane = .control
            }
            return .received(.hello(hello))
        case "room": return .mayJoin(true)
        case "no": return .mayJoin(false)
        case "request": return .received(.request(request(try #require(UInt64(rest)))))
        case "merges":
            let merges = words.dropFirst().compactMap { UInt64($0) }.map(merge)
            var gathered = try #require(MergeRequests(merges[0]))
            for envelope in merges.dropFirst() { _ = gathered.add(envelope) }
            return .received(.mergeRequests(gathered))
        case "gossip": return .received(.gossip([1]))
        case "names": return .received(.names([2]))
        case "ring?": return .received(.ringRequest)
        case "overdue": return .greetingIsOverdue
        case "breaks": return .broke(rest)
        case "disconnected": return .disconnected
        default: throw DecodingFailure.malformed("no such line")
        }
    }

    private func request(_ id: UInt64) -> RequestEnvelope {
        RequestEnvelope(id: id, timeout: .seconds(1), request: .read(key: [], summaryOver: 0))
    }

    private func merge(_ id: UInt64) -> RequestEnvelope {
        RequestEnvelope(id: id, timeout: .seconds(1), request: .merge(key: [], object: [], repair: false))
    }

    private func describe(_ action: PeerServerState.Action) -> String {
        switch action {
        case .welcome(let welcome): welcome.accepted ? "welcome from \(welcome.node)" : "turn away: \(welcome.reason)"
        case .acceptLargeFrames: "accept large frames"
        case .showedItself(let node, let lane): "\(node) showed itself for \(lane)"
        case .serve(let envelope): "serve \(envelope.id)"
        case .serveMerges(let merges): "serve merges" + merges.items.map { " \($0.id)" }.joined()
        case .gossip(let bytes, let node): "gossip \(bytes) from \(node)"
        case .names(let bytes, let node): "names \(bytes) from \(node)"
        case .live(let bytes, let node): "live \(bytes) from \(node)"
        case .askToJoin: "room for one that joins?"
        case .giveRing(let isLast): isLast ? "give the ring, and end" : "give the ring"
        case .disconnect: "disconnect"
        case .reportRefusal: "refused"
        case .reportTrouble(let reason): "dropped: \(reason)"
        case .joinedNoMore: "joined no more"
        case .left(let node, let lane): "\(node) left \(lane)"
        }
    }
}

@Suite struct PeerServerScripts {
    private func expect(_ script: String, _ location: SourceLocation = #_sourceLocation) throws {
        var runner = try ScriptRunner()
        let played = try runner.replay(script)
        if played != script { Issue.record("the connection did this:\n\(played)", sourceLocation: location) }
    }

    @Test func aNodeOfTheRingIsServed() throws {
        try expect(
            """
            hello
              welcome from de-1
              accept large frames
              us-1 showed itself for control
            overdue
            request 4
              serve 4
            merges 5 6
              serve merges 5 6
            gossip
              gossip [1] from us-1
            names
              names [2] from us-1
            ring?
              give the ring
            disconnected
              us-1 left control
            disconnected
            """)
    }

    /// A ring of another number is no reason: one node after the other is given a new one.
    @Test func strangersAreToldWhy() throws {
        for (what, reason) in [
            ("cluster elsewhere", "this is cluster scripted, not elsewhere"),
            ("version", "protocol version 99 is not \(PeerMessage.protocolVersion)"),
            ("node fr-1", "fr-1 is not in the ring of scripted (epoch 1)"),
            ("node de-1", "de-1 is this node's own name"),
            (
                "digest",
                "us-1 has another ring document under the same epoch 1; start every node with the same ring file"
            ),
        ] {
            try expect(
                """
                hello \(what)
                  turn away: \(reason)
                  refused
                  disconnect
                hello
                overdue
                breaks off
                disconnected
                """)
        }
        try expect(
            """
            hello epoch
              welcome from de-1
              accept large frames
              us-1 showed itself for data
            """)
    }

    @Test func whoeverSaysNothingIsLetGo() throws {
        try expect(
            """
            overdue
              disconnect
            hello
            disconnected
            """)
    }

    @Test func oneThatJoinsGetsTheRingAndNothingElse() throws {
        try expect(
            """
            hello joining
              room for one that joins?
            room
              welcome from de-1
            ring?
              give the ring, and end
            overdue
              disconnect
            disconnected
              joined no more
            """)
        try expect(
            """
            hello joining
              room for one that joins?
            no
              turn away: \(Limits.joiningConnections) nodes are asking for the ring; try again in a moment
              refused
              disconnect
            disconnected
            """)
        for more in ["request 1", "hello", "gossip"] {
            try expect(
                """
                hello joining
                  room for one that joins?
                room
                  welcome from de-1
                \(more)
                  dropped: an unexpected message
                  disconnect
                ring?
                disconnected
                  joined no more
                """)
        }
    }

    @Test func whatMakesNoSenseEndsTheConnection() throws {
        for what in ["request 1", "merges 1", "gossip", "names", "ring?"] {
            try expect(
                """
                \(what)
                  dropped: an unexpected message
                  disconnect
                hello
                """)
        }
        try expect(
            """
            hello
              welcome from de-1
              accept large frames
              us-1 showed itself for control
            breaks not a peer message
              dropped: not a peer message
              disconnect
            request 1
            disconnected
              us-1 left control
            """)
    }
}
