// What leaves together leaves as one message, and nothing overtakes anything.

import Testing
import World

@testable import Wire

@Suite struct OutgoingMessagesTests {
    private func merge(_ id: UInt64, bytes: Int = 1, timeoutMs: UInt32 = 9) -> PeerMessage {
        let object = [UInt8](repeating: 0, count: bytes)
        return .request(
            RequestEnvelope(id: id, timeoutMs: timeoutMs, request: .merge(key: [1], object: object, repair: false)))
    }

    private func read(_ id: UInt64) -> PeerMessage {
        .request(RequestEnvelope(id: id, timeoutMs: 9, request: .read(key: [1], summaryOver: 0)))
    }

    private func reply(_ id: UInt64, _ reply: ReplicaReply = .stored, inFlight: UInt32 = 0) -> PeerMessage {
        .reply(ReplyEnvelope(id: id, inFlight: inFlight, serviceMicroseconds: 0, reply: reply))
    }

    /// Each message that leaves, as its kind and the ids in it; a stroke is the flush.
    private func sent(_ messages: [PeerMessage]) -> String {
        var outgoing = OutgoingMessages()
        var lines: [String] = []
        func note(_ message: PeerMessage) {
            switch message {
            case .request(let envelope): lines.append("request \(envelope.id)")
            case .mergeRequests(let merges): lines.append("merges \(merges.items.map { "\($0.id)" })")
            case .reply(let envelope): lines.append("reply \(envelope.id)")
            case .storedReplies(let stored): lines.append("stored \(stored.ids)")
            default: lines.append("other")
            }
        }
        for message in messages { outgoing.add(message) { note($0) } }
        lines.append("|")
        outgoing.flush { note($0) }
        outgoing.flush { note($0) }
        return lines.joined(separator: ", ").replacing("\"", with: "")
    }

    @Test func neighboursLeaveAsOne() {
        #expect(sent([]) == "|")
        #expect(sent([merge(1), merge(2)]) == "|, merges [1, 2]")
        #expect(sent([reply(1), reply(2)]) == "|, stored [1, 2]")
        #expect(sent([merge(1), read(2), merge(3)]) == "merges [1], request 2, |, merges [3]")
        #expect(sent([reply(1), reply(2, .object(nil)), reply(3)]) == "stored [1], reply 2, |, stored [3]")
        #expect(sent([read(1), .gossip([]), merge(2), .gossip([])]) == "request 1, other, merges [2], other, |")
    }

    @Test func whatDiffersOrHasNoRoomBeginsTheNext() {
        #expect(sent([merge(1), merge(2, timeoutMs: 8)]) == "merges [1], |, merges [2]")
        #expect(sent([reply(1), reply(2, inFlight: 5)]) == "stored [1], |, stored [2]")
        #expect(sent([merge(1), merge(2, bytes: Limits.batchBytes)]) == "merges [1], |, merges [2]")
        let many = (0...UInt64(Limits.batchRequests)).map { reply($0) }
        #expect(sent(many).hasSuffix("|, stored [\(Limits.batchRequests)]"))
    }
}
