// Who holds room in a loop's memory, and until when: a write its body, a read what it will bring, the rest nothing.

@testable import Gateway
import Ring
import RingFile
import Testing
import World

@testable import Edge

@Suite struct RequestSpaceTests {
    private let ring: RingSnapshot
    private var clients: LoopClients

    init() throws {
        ring = RingSnapshot(try RingDocument.singleNode())
        clients = LoopClients(ring: ring, memory: ClientMemory(limit: 3 * Limits.rangeBytes))
    }

    /// A request that has come whole, with the room that its body has taken on its way.
    private mutating func arrived(_ method: RequestMethod, _ path: String, body: Int = 0) throws -> IncomingRequest {
        let request = IncomingRequest(
            RequestHead(method, path, RequestFields()), try RequestTarget.parse(path), in: ring)
        request.body = [UInt8](repeating: 0x61, count: body)
        let isTaken = clients.memory.reserve(body, .origin)
        #expect(isTaken)
        request.heldBytes = body
        return request
    }

    private mutating func begin(_ request: IncomingRequest) -> (call: Call, room: RequestSpace) {
        clients.begin(request, Surroundings(ring: ring.document) { 7 }, .origin)
    }

    private func isData(_ call: Call) -> Bool { if case .data = call { true } else { false } }

    private func status(_ call: Call) -> UInt? {
        if case .respond(let response) = call { response.status } else { nil }
    }

    private static let account = Account(tally: Tally(), level: .one, reached: true)

    @Test mutating func aWriteHoldsItsBodyUntilItIsAnswered() throws {
        let (call, room) = begin(try arrived(.put, "/v1/kv/b/k", body: 1_000))
        #expect(isData(call))
        #expect(clients.memory.heldBytes == 1_000)
        clients.end(room, .failed(.overloaded, nil))
        #expect(clients.memory.heldBytes == 0)
    }

    /// So does a change of a typed value, whose answers may bear the value.
    @Test mutating func aChangeHoldsItsBodyAndWhatItsAnswerWillTake() throws {
        let ring = RingSnapshot(
            try RingDocument.compile(ringFile: RingDocument.threeCountries, fileName: "test"))
        clients = LoopClients(ring: ring, memory: ClientMemory(limit: 3 * Limits.rangeBytes))
        let body = Array(#"{"title":"Atoll"}"#.utf8)
        for expected in [0, 2 * (6_400 / 64)] {
            let request = IncomingRequest(
                RequestHead(.put, "/v1/kv/docs/plan", RequestFields()), try RequestTarget.parse("/v1/kv/docs/plan"),
                in: ring)
            request.body = body
            let isTaken = clients.memory.reserve(body.count, .origin)
            #expect(isTaken)
            request.heldBytes = body.count
            let (call, room) = begin(request)
            #expect(isData(call))
            #expect(clients.memory.heldBytes == body.count + expected)
            let answer = [UInt8](repeating: 0x20, count: 6_400)
            clients.end(room, .operated([], answer: answer, created: true, RequestSpaceTests.account))
            #expect(clients.memory.heldBytes == 0)
        }
    }

    /// What a client's library sends unasked is not kept; a list keeps what lists have brought.
    @Test mutating func aListHoldsWhatItWillBringAndNotItsBody() throws {
        let (call, room) = begin(try arrived(.get, "/v1/kv/b/k/", body: 500))
        #expect(isData(call))
        #expect(clients.memory.heldBytes == 3 * Limits.rangeBytes / 4)
        clients.end(room, .list([], next: nil, RequestSpaceTests.account))
        #expect(clients.memory.heldBytes == 0)
        // What comes is what is expected of the next.
        let second = begin(try arrived(.get, "/v1/kv/b/k/"))
        #expect(clients.memory.heldBytes < 3 * Limits.rangeBytes / 4)
        clients.end(second.room, .failed(.overloaded, nil))
        #expect(clients.memory.heldBytes == 0)
    }

    @Test mutating func withoutRoomItIsRefusedAndHoldsNothing() throws {
        let held = 3 * Limits.rangeBytes - 1_000
        let isTaken = clients.memory.reserve(held, .origin)
        #expect(isTaken)
        let refused = begin(try arrived(.get, "/v1/kv/b/k/", body: 400))
        #expect(status(refused.call) == 503 && clients.memory.heldBytes == held)
        // A write whose body found room needs no more.
        let (call, room) = begin(try arrived(.put, "/v1/kv/b/k", body: 1_000))
        #expect(isData(call))
        clients.end(room, .failed(.overloaded, nil))
        #expect(clients.memory.heldBytes == held)
    }

    @Test(arguments: [(RequestMethod.get, "/healthz"), (.post, "/healthz"), (.patch, "/v1/kv/b/k"), (.get, "/v1/ring")])
    mutating func othersHoldNothing(_ method: RequestMethod, _ path: String) throws {
        let (call, _) = begin(try arrived(method, path, body: 700))
        #expect(!isData(call))
        #expect(clients.memory.heldBytes == 0)
    }
}
