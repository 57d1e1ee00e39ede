// Every message between nodes is read back as it was written; what a stranger sends is refused and never crashes.

import Testing
import World

@testable import Wire

@Suite struct PeerMessageTests {
    /// A replica cuts its page so that either of these is the largest.
    @Test(arguments: [(1, Limits.objectBytes), (Limits.rangeItems, Limits.rangeBytes / Limits.rangeItems)])
    func aPageFitsInAFrame(items: Int, bytes: Int) throws {
        // A stored key is its token, and at worst every byte of the key escaped.
        let key = [UInt8](repeating: 1, count: 2 * Limits.keyBytes + 16)
        let page = Array(
            repeating: RangeItem(key: key, object: [UInt8](repeating: 2, count: bytes)), count: items)
        let reply = ReplyEnvelope(
            id: .max, inFlight: .max, serviceMicroseconds: .max, reply: .page(items: RangeItems(page), more: true))
        let frame = PeerMessage.reply(reply).encode()
        #expect(frame.count <= Limits.frameBytes)
        #expect(try PeerMessage(decoding: frame) == .reply(reply))
    }

    private static let node = NodeID(literal: "de-fra-1")

    private static let requests: [ReplicaRequest] = [
        .read(key: [1, 2, 0], summaryOver: 0), .read(key: [1], summaryOver: 2_048),
        .mint(MintRequest(key: [1], value: nil)), .mint(MintRequest(key: [1], value: [])),
        .mint(
            MintRequest(
                key: [0, 0xFF], value: [0, 1, 2], contentType: "text/plain", context: [], onlyIfAbsent: true,
                expiresAt: WallTime(milliseconds: 0))),
        .mint(MintRequest(key: [7], value: [1], context: [9, 9], expiresAt: WallTime(milliseconds: .max))),
        .mergeEach(keys: [[1]], object: []),
        .mergeEach(keys: Array(repeating: [7, 0], count: Limits.insertedKeys), object: [2, 0]),
        .merge(key: [1], object: [2], repair: true), .merge(key: [1], object: [], repair: false),
        .hint(target: node, key: [3], object: [4]), .readHints(target: node, key: [3]),
        .range(RangeRequest(start: [], end: nil, limit: 1, reverse: true)),
        .range(RangeRequest(start: [1], end: [2], limit: Limits.rangeItems, reverse: false)),
        .range(RangeRequest(start: [1], end: [2], limit: 1, reverse: false, repair: true)),
        .compare(CompareRequest(first: 0, last: .max, slices: Limits.compareSlices, placement: "world")),
    ]

    private static let replies: [ReplicaReply] =
        [
            .object(nil), .object([]), .object([1, 2]), .summary([2, 0]), .minted(object: [1], wasAbsent: true),
            .minted(object: [1], wasAbsent: false), .stored, .page(items: [], more: false),
            .page(items: [RangeItem(key: [1], object: [2]), RangeItem(key: [3], object: [])], more: true),
            .fingerprints([], end: nil), .fingerprints([0, 1, .max], end: [1, 0, 2], bytes: 9 << 20),
        ] + Refusal.Code.allCases.map { .refused(Refusal($0, "because")) }

    private static let messages: [PeerMessage] =
        Lane.allCases.map {
            .hello(
                Hello(
                    cluster: "islands", node: "a", incarnation: .max, ringEpoch: 3, ringDigest: [1, 2], lane: $0,
                    joining: $0 == .bulk))
        } + [
            .welcome(Welcome(accepted: true, node: "b", incarnation: 1, ringEpoch: 2)),
            .welcome(Welcome(accepted: false, reason: "another cluster", node: "b", incarnation: 0, ringEpoch: 0)),
            .gossip([]), .gossip([1, 2, 3]), .names([]), .names([0]), .live([]), .live([1]), .ringRequest,
            .ringReply(document: []),
            .ringReply(document: [5]),
            .mergeRequests(MergeRequests(timeoutMs: 1, items: [])),
            .mergeRequests(MergeRequests(timeoutMs: 1, repair: true, items: [])),
            .mergeRequests(
                MergeRequests(
                    timeoutMs: .max,
                    items: [
                        MergeRequests.Item(id: .max, key: [1, 0], object: []),
                        MergeRequests.Item(id: 0, key: [], object: [2, 3]),
                    ])),
            .storedReplies(StoredReplies(ids: [], inFlight: 0, serviceMicroseconds: 0)),
            .storedReplies(StoredReplies(ids: [0, 1 << 63, .max], inFlight: .max, serviceMicroseconds: 9)),
        ]
        + requests.map(dated).enumerated().map {
            .request(RequestEnvelope(id: UInt64($0) << 40, timeoutMs: .max, request: $1))
        }
        + replies.enumerated().map {
            .reply(ReplyEnvelope(id: UInt64($0), inFlight: 3, serviceMicroseconds: .max, reply: $1))
        }

    /// A mint that does not say when it was sent comes as one sent at 0: too old.
    private static func dated(_ request: ReplicaRequest) -> ReplicaRequest {
        guard case .mint(var mint) = request else { return request }
        mint.sentAtMs = mint.value == nil ? 0 : .max
        mint.attempt = mint.value.map { _ in .max }
        mint.voids = mint.value == nil ? [] : [0, .max]
        return .mint(mint)
    }

    @Test func everyKindRoundTrips() throws {
        for message in PeerMessageTests.messages {
            #expect(try PeerMessage(decoding: message.encode()) == message)
        }
    }

    @Test func nothingAndNoiseAreRefused() {
        #expect(throws: DecodingFailure.self) { try PeerMessage(decoding: []) }
        var dice = SeededRandom(seed: 1)
        for _ in 0..<5_000 {
            _ = try? PeerMessage(
                decoding: (0..<Int.random(in: 0...80, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice)
                })
        }
    }

    /// What is accepted holds every limit, because encoding and decoding it again gives the same.
    @Test func mutatedMessagesAreRefusedOrWhole() throws {
        var dice = SeededRandom(seed: 2)
        let samples = PeerMessageTests.messages.map { $0.encode() }.filter { !$0.isEmpty }
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = samples.randomElement(using: &dice) ?? [0]
            for _ in 0..<Int.random(in: 1...3, using: &dice) {
                let place = Int.random(in: 0..<bytes.count, using: &dice)
                switch Int.random(in: 0..<3, using: &dice) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &dice)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &dice), at: place)
                default: if bytes.count > 1 { bytes.remove(at: place) }
                }
            }
            guard let message = try? PeerMessage(decoding: bytes) else { continue }
            accepted += 1
            #expect(try PeerMessage(decoding: message.encode()) == message)
        }
        #expect(accepted > 500)
    }

    @Test func limitsHoldForEachPart() {
        let long = [UInt8](repeating: 1, count: 2 * Limits.keyBytes + 17)
        let bad: [ReplicaRequest] = [
            .read(key: long, summaryOver: 0), .readHints(target: PeerMessageTests.node, key: long),
            .merge(key: long, object: [], repair: false),
            .mint(
                MintRequest(
                    key: [1], value: nil, contentType: String(repeating: "x", count: Limits.contentTypeBytes + 1))),
            .mint(MintRequest(key: [1], value: nil, context: [UInt8](repeating: 1, count: Limits.contextBytes + 1))),
            .range(RangeRequest(start: [], end: nil, limit: 0, reverse: false)),
            .range(RangeRequest(start: [], end: nil, limit: Limits.rangeItems + 1, reverse: false)),
            .range(RangeRequest(start: long, end: nil, limit: 1, reverse: false)),
            .compare(CompareRequest(first: 0, last: 1, slices: 0, placement: "world")),
            .compare(CompareRequest(first: 0, last: 1, slices: Limits.compareSlices + 1, placement: "world")),
            .compare(CompareRequest(first: 2, last: 1, slices: 1, placement: "world")),
            .compare(CompareRequest(first: 0, last: 1, slices: 1, placement: String(repeating: "x", count: 65))),
        ]
        for request in bad {
            let bytes = PeerMessage.request(RequestEnvelope(id: 1, timeoutMs: 1, request: request)).encode()
            #expect(throws: DecodingFailure.self, "\(request)") { try PeerMessage(decoding: bytes) }
        }
        #expect(throws: DecodingFailure.self) {
            try PeerMessage(decoding: PeerMessage.gossip([UInt8](repeating: 0, count: Limits.gossipBytes + 1)).encode())
        }
        let item = MergeRequests.Item(id: 1, key: [1], object: [])
        let longItem = MergeRequests.Item(id: 1, key: long, object: [])
        let most = Limits.batchRequests
        let ids = [UInt64](repeating: 1, count: most + 1)
        for message in [
            PeerMessage.mergeRequests(MergeRequests(timeoutMs: 1, items: [longItem])),
            .request(
                RequestEnvelope(
                    id: 1, timeoutMs: 1,
                    request: .mergeEach(keys: Array(repeating: [1], count: Limits.insertedKeys + 1), object: []))),
            .request(
                RequestEnvelope(
                    id: 1, timeoutMs: 1,
                    request: .mergeEach(
                        keys: [[1], [2]], object: [UInt8](repeating: 0, count: Limits.batchBytes / 2 + 1)))),
            .mergeRequests(MergeRequests(timeoutMs: 1, items: Array(repeating: item, count: most + 1))),
            .storedReplies(StoredReplies(ids: ids, inFlight: 0, serviceMicroseconds: 0)),
        ] {
            #expect(throws: DecodingFailure.self) { try PeerMessage(decoding: message.encode()) }
        }
        let hello = Hello(
            cluster: String(repeating: "x", count: 65), node: "a", incarnation: 0, ringEpoch: 0, ringDigest: [],
            lane: .data)
        #expect(throws: DecodingFailure.self) { try PeerMessage(decoding: PeerMessage.hello(hello).encode()) }
        let detail = ReplyEnvelope(
            id: 1, inFlight: 0, serviceMicroseconds: 0,
            reply: .refused(Refusal(.busy, String(repeating: "x", count: 1_025))))
        #expect(throws: DecodingFailure.self) { try PeerMessage(decoding: PeerMessage.reply(detail).encode()) }
    }

    private static func merge(_ id: UInt64, _ bytes: Int, repair: Bool = false, timeout: UInt32 = 5) -> RequestEnvelope
    {
        RequestEnvelope(
            id: id, timeoutMs: timeout,
            request: .merge(key: [1], object: [UInt8](repeating: 7, count: bytes), repair: repair))
    }

    /// Two bytes an element, or one: as many as a frame can hold would take a gigabyte.
    @Test func partsAreCountedBeforeTheyAreBuilt() throws {
        func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
            var w = ByteWriter()
            w.byte(number << 3 | 2)
            w.counted(content)
            return w.bytes
        }
        func empties(_ number: UInt8, _ count: Int) -> [UInt8] {
            (0..<count).flatMap { _ in [number << 3 | 2, 0] }
        }
        let many = 1 << 20
        /// A short frame of `kind`, with `numbers` before the count, and room for as many.
        func short(_ kind: UInt8, numbers: Int, count: Int) -> [UInt8] {
            var w = ByteWriter()
            w.byte(kind)
            for _ in 0..<numbers { w.varint(0) }
            w.varint(UInt64(count))
            w.raw(repeatElement(0, count: 3 * count))
            return w.bytes
        }
        let frames = [
            short(1, numbers: 1, count: many), short(1, numbers: 1, count: Limits.batchRequests + 1),
            short(2, numbers: 3, count: many), short(2, numbers: 3, count: Limits.batchRequests + 1),
            field(4, field(8, empties(1, many))), field(4, empties(8, many)),
            field(4, field(10, field(1, [UInt8](repeating: 0, count: many)))), empties(12, many),
            field(4, field(8, empties(1, Limits.rangeItems + 24))),
        ]
        for frame in frames {
            #expect(throws: DecodingFailure.overlong) { try PeerMessage(decoding: frame) }
        }
        let full = ReplyEnvelope(
            id: .max, inFlight: .max, serviceMicroseconds: .max,
            reply: .page(
                items: RangeItems(repeatElement(RangeItem(key: [1], object: [2]), count: Limits.rangeItems)), more: true
            ))
        #expect(try PeerMessage(decoding: PeerMessage.reply(full).encode()) == .reply(full))
    }

    @Test func fieldsEndWhereTheirMessageEnds() {
        // An element, a group and a field's number that reach past what holds them.
        for frame in [
            [0x22, 0x02, 0x42, 0x05, 0, 0, 0, 0, 0], [0x22, 0x01, 0x43], [0x22, 0x01, 0x92], [0x22, 0x7F],
            // Short frames that end too early, or do not end.
            [0x01], [0x01, 0, 1, 0, 5, 0], [0x02, 0, 0, 0, 2, 1], [0x03, 1, 1, 1], [0x04, 1, 1, 1, 1, 2],
            [0x04, 1, 1, 1, 1, 0, 0], [0x02, 0, 0, 0, 0, 0],
        ] {
            #expect(throws: DecodingFailure.self) { try PeerMessage(decoding: frame.map { UInt8($0) }) }
        }
    }

    @Test func mergesTravelTogetherUpToALimit() throws {
        let merge = PeerMessageTests.merge
        var repairs = try #require(MergeRequests(merge(1, 1, true, 5)))
        #expect(repairs.add(merge(2, 1, true, 5)) == true)
        #expect(repairs.add(merge(3, 1, false, 5)) == false)
        #expect(Array(repairs.envelopes) == [merge(1, 1, true, 5), merge(2, 1, true, 5)])
        var requests = try #require(MergeRequests(merge(1, 10, false, 5)))
        func takes(_ envelope: RequestEnvelope) -> Bool { requests.add(envelope) }
        #expect(takes(merge(2, 0, false, 5)))
        #expect(!takes(merge(3, 1, true, 5)))
        #expect(!takes(merge(3, 1, false, 6)))
        #expect(!takes(RequestEnvelope(id: 3, timeoutMs: 5, request: .read(key: [1], summaryOver: 0))))
        #expect(!takes(merge(3, Limits.batchBytes, false, 5)))
        #expect(Array(requests.envelopes) == [merge(1, 10, false, 5), merge(2, 0, false, 5)])
        for id in 3...UInt64(Limits.batchRequests) { #expect(takes(merge(id, 1, false, 5))) }
        #expect(!takes(merge(9_999, 1, false, 5)))
        // However large, one alone has room.
        #expect(MergeRequests(merge(1, Limits.batchBytes + 1, false, 5)) != nil)
    }

    @Test func answersThatSayTheSameTravelTogether() throws {
        func answer(_ id: UInt64, _ inFlight: UInt32 = 1, _ reply: ReplicaReply = .stored) -> ReplyEnvelope {
            ReplyEnvelope(id: id, inFlight: inFlight, serviceMicroseconds: 4, reply: reply)
        }
        #expect(StoredReplies(answer(1, 1, .object(nil))) == nil)
        var replies = try #require(StoredReplies(answer(1)))
        func takes(_ envelope: ReplyEnvelope) -> Bool { replies.add(envelope) }
        #expect(takes(answer(7)))
        #expect(!takes(answer(8, 2)))
        #expect(!takes(answer(8, 1, .refused(Refusal(.busy, "")))))
        #expect(Array(replies.envelopes) == [answer(1), answer(7)])
        for id in 3...UInt64(Limits.batchRequests) { #expect(takes(answer(id))) }
        #expect(!takes(answer(9_999)))
    }
}
