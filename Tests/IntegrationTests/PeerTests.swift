// Strangers and liars on the peer port: they are told why, or dropped, and counted; the node lives.

import Foundation
import Keys
import Ring
import RingFile
import Testing
import World

@testable import Wire

/// A test's own end of a peer connection.
struct PeerClient {
    let connection: Connection

    init(_ node: TestNode, timeout: Double = 10) throws { connection = try Connection(node.peerPort, timeout: timeout) }

    func send(_ message: PeerMessage) throws { try send(frame: message.encode()) }

    func send(frame payload: [UInt8], length: Int? = nil) throws {
        let prefix = Frames.prefix(for: length ?? payload.count)
        try connection.send([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: prefix >> UInt32($0)) } + payload)
    }

    func receive() throws -> PeerMessage {
        let length = try connection.read(4).reduce(0) { $0 << 8 | Int($1) }
        return try PeerMessage(decoding: try connection.read(length))
    }

    /// The next answer to a request; what else comes is passed over.
    func reply() throws -> ReplyEnvelope {
        while true { if case .reply(let envelope) = try receive() { return envelope } }
    }

    func expectEnd(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try connection.readToEnd().isEmpty, sourceLocation: sourceLocation)
    }
}

extension Integration {
    @Suite(.threeNodes) struct PeerTests {
        private func hello(
            cluster: String = "testing", node: String = "us-iad-1", epoch: UInt64? = nil, digest: [UInt8]? = nil,
            version: UInt32 = PeerMessage.protocolVersion
        ) throws -> PeerMessage {
            let ring = try ring()
            return .hello(
                Hello(
                    version: version, cluster: cluster, node: node, incarnation: 1,
                    ringEpoch: epoch ?? ring.document.epoch,
                    ringDigest: digest ?? ring.digest, lane: .data))
        }

        private func ring() throws -> RingSnapshot {
            let path = try #require(try cluster().ringPath)
            return RingSnapshot(
                try RingDocument.compile(ringFile: String(contentsOfFile: path, encoding: .utf8), fileName: path))
        }

        /// A connection that the node takes for one of its peer's.
        private func welcomed() throws -> PeerClient {
            let peer = try PeerClient(try cluster()[0])
            try peer.send(try hello())
            guard case .welcome(let welcome) = try peer.receive(), welcome.accepted else {
                throw HarnessFailure("not welcome")
            }
            #expect(welcome.node == "de-fra-1")
            return peer
        }

        /// A node that is started from a seed in a directory of another cluster, and in one of its own.
        @Test func aSeedsRingIsKeptOnlyWhereItBelongs() throws {
            let seed = "127.0.0.1:\(try cluster()[0].peerPort)"
            for owner in ["others", "testing"] {
                let directory = try TemporaryDirectory()
                let identity =
                    #"{"format": 1, "cluster": "\#(owner)", "node": "us-iad-1", "incarnation": 1, "generation": 1}"#
                try Data(identity.utf8).write(to: URL(fileURLWithPath: directory.path + "/identity.json"))
                // The true us-iad-1 has its ports, so this one ends in either case.
                let run = try CommandRun(
                    ["serve", "--seed", seed, "--node", "us-iad-1", "--data", directory.path], within: 30)
                let isKept = FileManager.default.fileExists(atPath: directory.path + "/ring.bin")
                #expect(run.status != .exited(0) && isKept == (owner == "testing"), "\(run.output)")
                #expect(run.output.contains("belongs to node us-iad-1 of cluster others") == (owner == "others"))
            }
        }

        /// Runs `body` and checks that the node counts one refusal more and goes on.
        private func expectRejection(
            sourceLocation: SourceLocation = #_sourceLocation, _ body: (PeerClient) throws -> Void
        ) throws {
            let node = try cluster()[0]
            let before = try #require(try node.metric("atoll_peer_rejected_total"))
            let peer = try PeerClient(node)
            try body(peer)
            try peer.expectEnd(sourceLocation: sourceLocation)
            try eventually("the refusal is counted", within: 2) {
                try node.metric("atoll_peer_rejected_total") == before + 1
            }
            #expect(node.isRunning, sourceLocation: sourceLocation)
            #expect(try node.put("peer/alive?w=all", "v").status < 300, sourceLocation: sourceLocation)
        }

        @Test func strangersAreToldWhy() throws {
            let cases: [(PeerMessage, String)] = [
                (try hello(cluster: "elsewhere"), "this is cluster testing, not elsewhere"),
                (try hello(cluster: ""), "not "),
                (try hello(node: "fr-par-1"), "fr-par-1 is not in the ring"),
                (try hello(node: "No Name\u{1B}[2J"), "not in the ring"),
                (try hello(node: "de-fra-1"), "own name"), (try hello(digest: [1, 2, 3]), "another ring document"),
                (try hello(version: 99), "protocol version 99"),
            ]
            for (message, reason) in cases {
                try expectRejection { peer in
                    try peer.send(message)
                    guard case .welcome(let welcome) = try peer.receive() else { throw HarnessFailure("no welcome") }
                    #expect(!welcome.accepted && welcome.reason.contains(reason), "\(welcome.reason)")
                }
            }
        }

        @Test func garbageBeforeTheHandshakeEndsTheConnection() throws {
            var random = SeededRandom(seed: 41)
            let garbage = (0..<100).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            try expectRejection { try $0.send(frame: garbage) }
            try expectRejection { try $0.send(frame: []) }
            try expectRejection { try $0.send(frame: [], length: Int(UInt32.max)) }
            try expectRejection { try $0.send(frame: [], length: Limits.handshakeBytes + 1) }
            try expectRejection { try $0.connection.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            for message in [.ringRequest, .gossip([1]), .names([1]), request(.read(key: [1], summaryOver: 0))]
                as [PeerMessage]
            {
                try expectRejection { try $0.send(message) }
            }
        }

        @Test func garbageAfterTheHandshakeEndsTheConnection() throws {
            let greeting = try hello()
            func afterHello(_ body: @escaping (PeerClient) throws -> Void) throws {
                try expectRejection { peer in
                    try peer.send(greeting)
                    _ = try peer.receive()
                    try body(peer)
                }
            }
            try afterHello { try $0.send(frame: [0xFF, 0xFF, 0xFF]) }
            try afterHello { try $0.send(frame: [], length: Limits.frameBytes + 1) }
            try afterHello { try $0.send(greeting) }
            try afterHello { try $0.send(.welcome(Welcome(accepted: true, node: "x", incarnation: 1, ringEpoch: 1))) }
            try afterHello { try $0.send(.ringReply(document: [1, 2, 3])) }
            // Everything at once, before the welcome was read.
            try expectRejection { peer in
                try peer.send(greeting)
                try peer.send(frame: [7, 7, 7])
                _ = try peer.receive()
            }
        }

        @Test func aKnownPeerMayAskForTheRingAndMore() throws {
            let peer = try welcomed()
            try peer.send(request(.read(key: [1], summaryOver: 0)))
            #expect(try peer.reply().reply == .object(nil))
            try peer.send(.ringRequest)
            guard case .ringReply(let bytes) = try peer.receive() else { throw HarnessFailure("no ring") }
            #expect(RingSnapshot(try RingDocument.decode(bytes)).digest == (try ring().digest))
        }

        /// What a node that joins has said and heard, up to the welcome.
        private func join(_ peer: PeerClient) throws -> Welcome {
            try peer.send(
                .hello(
                    Hello(
                        cluster: "", node: "new", incarnation: 0, ringEpoch: 0, ringDigest: [], lane: .control,
                        joining: true)))
            guard case .welcome(let welcome) = try peer.receive() else { throw HarnessFailure("no welcome") }
            return welcome
        }

        @Test func aJoiningNodeGetsTheRingAndNothingElse() throws {
            let peer = try PeerClient(try cluster()[0])
            #expect(try join(peer).accepted)
            try peer.send(.ringRequest)
            guard case .ringReply(let bytes) = try peer.receive() else { throw HarnessFailure("no ring") }
            #expect(RingSnapshot(try RingDocument.decode(bytes)).digest == (try ring().digest))
            try peer.expectEnd()
            try expectRejection { peer in
                #expect(try join(peer).accepted)
                try peer.send(request(.read(key: [1], summaryOver: 0)))
            }
            try expectRejection { peer in
                #expect(try join(peer).accepted)
                try peer.send(frame: [], length: Limits.handshakeBytes + 1)
            }
        }

        @Test func joiningNodesAreFewAndDoNotStay() throws {
            let node = try cluster()[0]
            let started = Stopwatch.now
            let joining = try (0..<Limits.joiningConnections).map { _ in try PeerClient(node) }
            for peer in joining { #expect(try join(peer).accepted) }
            try expectRejection { peer in
                let welcome = try join(peer)
                #expect(!welcome.accepted && welcome.reason.contains("try again"))
            }
            // They ask for nothing, and one never reads: their time is over all the same.
            for peer in joining.dropFirst() { try peer.expectEnd() }
            #expect(Stopwatch.now - started < 8)
            try eventually("others may join", within: 3) { try join(PeerClient(node)).accepted }
        }

        /// A peer that speaks the protocol and lies in what it says.
        @Test func requestsThatMakeNoSenseAreRefused() throws {
            let peer = try welcomed()
            let key = try StoredKey(bucket: Array("peer".utf8), partitionKey: Array("lies".utf8))
            let lies: [ReplicaRequest] = [
                .mint(MintRequest(key: [], value: [1])),
                .mint(MintRequest(key: Array(key.bytes.dropLast()), value: [1])),
                .mint(MintRequest(key: key.bytes, value: [1], context: [1, 2, 3])),
                .merge(key: key.bytes, object: [9, 9, 9], repair: true),
                .merge(key: key.bytes, object: [], repair: true), .merge(key: [], object: [1, 0, 0], repair: true),
                .hint(target: NodeID(literal: "jp-tyo-1"), key: [1], object: [1]),
                .hint(target: NodeID(literal: "nobody"), key: key.bytes, object: [1, 0, 0]),
            ]
            for (i, lie) in lies.enumerated() {
                try peer.send(.request(RequestEnvelope(id: UInt64(i), timeoutMs: 0, request: lie)))
                let reply = try peer.reply()
                #expect(reply.id == UInt64(i))
                guard case .refused = reply.reply else {
                    Issue.record("not refused: \(lie) \(reply.reply)")
                    continue
                }
            }
            let harmless: [ReplicaRequest] = [
                .read(key: [], summaryOver: 0), .read(key: [0xFF], summaryOver: 1),
                .readHints(target: NodeID(literal: "jp-tyo-1"), key: []),
                .range(RangeRequest(start: [0xFF], end: [1], limit: 1, reverse: true)),
                .range(RangeRequest(start: [], end: nil, limit: 1_000, reverse: false)),
                .compare(CompareRequest(first: 0, last: .max, slices: 1, placement: "world")),
                .compare(CompareRequest(first: .max, last: .max, slices: 256, placement: "nowhere")),
            ]
            for request in harmless {
                try peer.send(.request(RequestEnvelope(id: .max, timeoutMs: .max, request: request)))
                #expect(try peer.reply().id == .max)
            }
            try peer.send(.gossip([UInt8](repeating: 0xAB, count: 5_000)))
            try peer.send(.names([1, 2, 3]))
            try peer.send(.reply(ReplyEnvelope(id: 1, inFlight: 0, serviceMicroseconds: 0, reply: .stored)))
            let node = try cluster()[0]
            #expect(try node.get("peer/lies").status == 404)
            #expect(try node.put("peer/lies", "truth").status == 201)
            try eventually("bad gossip is counted", within: 2) {
                try node.metric("atoll_gossip_rejected_total") ?? 0 >= 1
            }
        }

        @Test func mergesThatCameTogetherAreAnsweredEach() throws {
            let peer = try welcomed()
            // An object without a write in it, and bytes that are no object.
            let items = try (1...5).map { number in
                MergeRequests.Item(
                    id: UInt64(number),
                    key: try StoredKey(bucket: Array("peers".utf8), partitionKey: [UInt8(number)]).bytes,
                    object: number == 3 ? [9] : [1, 0, 0])
            }
            try peer.send(.mergeRequests(MergeRequests(timeoutMs: 0, items: items)))
            var stored: [UInt64] = []
            var refused: [UInt64] = []
            while stored.count + refused.count < items.count {
                switch try peer.receive() {
                case .storedReplies(let replies): stored += replies.ids
                case .reply(let envelope): if case .refused = envelope.reply { refused.append(envelope.id) }
                default: break
                }
            }
            #expect(stored.sorted() == [1, 2, 4, 5])
            #expect(refused == [3])
        }

        @Test func aPeerThatSaysNothingIsLetGo() throws {
            let node = try cluster()[0]
            let silent = try PeerClient(node)
            let half = try PeerClient(node)
            try half.connection.send([0, 0])
            let started = Stopwatch.now
            try silent.expectEnd()
            try half.expectEnd()
            #expect(Stopwatch.now - started < 8)
            #expect(try node.put("peer/silent?w=all", "v").status < 300)
        }

        private func request(_ request: ReplicaRequest) -> PeerMessage {
            .request(RequestEnvelope(id: 1, timeoutMs: 0, request: request))
        }
    }
}
