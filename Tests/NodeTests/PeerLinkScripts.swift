// A link to a peer as text: each line at the margin is something that happens, the indented ones below are what is to
// be done about it. There is no channel, no timer and no clock.

import Testing
@testable import Wire
import World

@testable import Node

private struct ScriptRunner {
    private var state = PeerLinkState(
        to: NodeID(literal: "us-1"), at: "10.0.0.2:7171", jitter: SeededRandom(seed: 1))
    private var out = Outbox<PeerLinkState.Action>()
    private(set) var pauses: [Span] = []

    mutating func replay(_ script: String) throws -> String {
        var lines: [String] = []
        for line in script.split(separator: "\n") where !line.hasPrefix("  ") {
            lines.append(String(line))
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "sent" {
                for id in words.dropFirst() { state.sent(try #require(UInt64(id))) }
            } else {
                state.handle(try event(words), &out)
            }
            let actions = out.take()
            pauses += actions.compactMap { if case .pause(let span) = $0 { span } else { nil } }
            lines += actions.map { "  " + describe($0) }
        }
        return lines.joined(separator: "\n")
    }

    private func event(_ words: [String]) throws -> PeerLinkState.Event {
        let rest = words.dropFirst().joined(separator: " ")
        return switch words[0] {
        case "wanted": .wanted
        case "connected": .connected
        case "fails": .failed(rest)
        case "unanswered": .unanswered
        case "overdue": .welcomeIsOverdue(connection: try #require(Int(rest)))
        case "breaks": .broke(rest)
        case "disconnected": .disconnected
        case "close": .close
        case "welcome": .received(.welcome(Welcome(accepted: true, node: rest, incarnation: 1, ringEpoch: 1)))
        case "refused":
            .received(.welcome(Welcome(accepted: false, reason: rest, node: "us-1", incarnation: 1, ringEpoch: 1)))
        case "reply": .received(.reply(reply(try #require(UInt64(rest)))))
        case "stored":
            .received(
                .storedReplies(
                    StoredReplies(
                        ids: words.dropFirst().compactMap { UInt64($0) }, inFlight: 0, serviceMicroseconds: 0)))
        case "gossip": .received(.gossip([1]))
        case "ring": .received(.ringReply(document: []))
        default: throw DecodingFailure.malformed("no such line")
        }
    }

    private func reply(_ id: UInt64) -> ReplyEnvelope {
        ReplyEnvelope(id: id, inFlight: 0, serviceMicroseconds: 0, reply: .object(nil))
    }

    private func describe(_ action: PeerLinkState.Action) -> String {
        switch action {
        case .connect: "connect"
        case .greet(let connection): "greet \(connection)"
        case .acceptLargeFrames: "accept large frames"
        case .up: "up"
        case .down: "down"
        case .answered(let replies): "answered" + replies.map { " \($0.id)" }.joined()
        case .lost(let requests): "lost" + requests.map { " \($0)" }.joined()
        case .deliver(let message): "deliver \(message)"
        case .pause: "pause"
        case .endPause: "end the pause"
        case .disconnect: "disconnect"
        case .reportRefusal(let reason): "refused: \(reason)"
        case .reportTrouble(let reason): "not reached: \(reason)"
        }
    }
}

@Suite struct PeerLinkScripts {
    /// Returns the pauses.
    @discardableResult
    private func expect(_ script: String, _ location: SourceLocation = #_sourceLocation) throws -> [Span] {
        var runner = ScriptRunner()
        let played = try runner.replay(script)
        if played != script { Issue.record("the link did this:\n\(played)", sourceLocation: location) }
        return runner.pauses
    }

    @Test func itConnectsIntroducesItselfAndCarriesRequests() throws {
        try expect(
            """
            wanted
              connect
            wanted
            connected
              greet 1
            wanted
            welcome us-1
              accept large frames
              up
            overdue 1
            sent 3 4 5
            reply 4
              answered 4
            reply 4
            reply 9
            stored 3 4 5
              answered 3 5
            gossip
              deliver gossip([1])
            """)
    }

    @Test func whatIsInFlightIsLostWithTheConnection() throws {
        try expect(
            """
            wanted
              connect
            connected
              greet 1
            welcome us-1
              accept large frames
              up
            sent 8 7
            disconnected
              down
              lost 7 8
              pause
            reply 7
            wanted
              end the pause
              connect
            connected
              greet 2
            overdue 1
            welcome us-1
              accept large frames
              up
            """)
    }

    /// Each pause is twice as long, up to the longest; the same trouble is told once.
    @Test func aPeerThatIsAwayIsTriedEverMoreRarely() throws {
        let pauses = try expect(
            """
            wanted
              connect
            fails no route
              pause
            wanted
              end the pause
              connect
            fails no route
              pause
            wanted
              end the pause
              connect
            fails no route
              not reached: no route
              pause
            wanted
              end the pause
              connect
            fails no route
              pause
            wanted
              end the pause
              connect
            fails no power
              not reached: no power
              pause
            wanted
              end the pause
              connect
            connected
              greet 1
            disconnected
              pause
            wanted
              end the pause
              connect
            fails no power
              pause
            wanted
              end the pause
              connect
            connected
              greet 2
            welcome us-1
              accept large frames
              up
            disconnected
              down
              pause
            """)
        let longest = [50, 100, 200, 400, 800, 1_000, 1_000, 50].map { Span.milliseconds($0) }
        #expect(pauses.count == longest.count)
        for (pause, most) in zip(pauses, longest) { #expect(pause <= most && pause * 2 >= most) }
    }

    /// Where nobody answers, as behind a cut network, the attempt was the pause, however often that has been so: a
    /// question leaves in every second, as the machine repeats each after one.
    @Test func aPeerThatIsCutOffIsAskedEverySecond() throws {
        let attempts = (1...12).map { attempt in
            """
            wanted
            \(attempt > 1 ? "  end the pause\n" : "")  connect
            unanswered
            \(attempt == 3 ? "  not reached: no answer\n" : "")  pause
            """
        }
        let pauses = try expect(attempts.joined(separator: "\n"))
        let repeated = Span.seconds(1)
        #expect(Limits.connectTimeout < repeated * 3 && Limits.connectTimeout > repeated)
        #expect(pauses.count == 12)
        for pause in pauses { #expect(Limits.connectTimeout - repeated + pause <= .seconds(1)) }
    }

    @Test func whoeverDoesNotMakeUsWelcomeIsLeft() throws {
        for (what, report) in [
            ("refused another cluster", "\n  refused: another cluster"),
            ("welcome jp-1", "\n  refused: 10.0.0.2:7171 is node jp-1"), ("overdue 1", ""), ("gossip", ""),
            ("breaks not a peer message", ""),
        ] {
            try expect(
                """
                wanted
                  connect
                connected
                  greet 1
                \(what)\(report)
                  disconnect
                welcome us-1
                wanted
                disconnected
                  pause
                """)
        }
    }

    /// A peer that accepts and says nothing is told of, once: at first it may only be starting.
    @Test func aPeerThatHangsIsToldOf() throws {
        let attempts = (1...5).map { connection in
            """
            wanted
            \(connection > 1 ? "  end the pause\n" : "")  connect
            connected
              greet \(connection)
            overdue \(connection)
              disconnect
            disconnected
            \(connection == 3 ? "  not reached: no welcome in time\n" : "")  pause
            """
        }
        try expect(attempts.joined(separator: "\n"))
    }

    @Test func whatMakesNoSenseEndsAnOpenLink() throws {
        for what in ["ring", "welcome us-1", "breaks reset by peer"] {
            try expect(
                """
                wanted
                  connect
                connected
                  greet 1
                welcome us-1
                  accept large frames
                  up
                sent 1
                \(what)
                  disconnect
                reply 1
                disconnected
                  down
                  lost 1
                  pause
                """)
        }
    }

    @Test func aClosedLinkStaysClosed() throws {
        try expect(
            """
            wanted
              connect
            close
            connected
              disconnect
            disconnected
            wanted
            """)
        try expect(
            """
            wanted
              connect
            fails no route
              pause
            close
              end the pause
            wanted
            """)
        try expect(
            """
            wanted
              connect
            connected
              greet 1
            welcome us-1
              accept large frames
              up
            sent 1
            close
              disconnect
            disconnected
              lost 1
            """)
    }
}
