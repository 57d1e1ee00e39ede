// Who counts as one client, and how often it may write names.

import NameStore
import Testing
import World

@testable import Edge

@Suite struct NameGateTests {
    private let start = Instant.origin + .seconds(50)

    private func admitted(_ gate: inout NameGate, _ address: String, _ count: Int) -> Int {
        (0..<count).count { _ in gate.admit(address, now: start) == nil }
    }

    @Test func loopbackIsExemptUnlessALimitWasAsked() {
        var standard = NameGate(.standard)
        #expect(admitted(&standard, "127.0.0.1", 1_000) == 1_000)
        #expect(admitted(&standard, "::1", 1_000) == 1_000)
        #expect(admitted(&standard, "::ffff:127.0.0.1", 1_000) == 1_000)
        #expect(admitted(&standard, "192.0.2.1", 1_000) == 400)
        var everyone = NameGate(.everyone(perSecond: 5))
        #expect(admitted(&everyone, "127.0.0.1", 100) == 20)
        var none = NameGate(.unlimited)
        #expect(admitted(&none, "192.0.2.1", 5_000) == 5_000)
    }

    @Test func aWholeNetworkOfIPv6IsOneClient() {
        #expect(NameGate.client("2001:db8:1:2:3:4:5:6") == NameGate.client("2001:db8:1:2::9"))
        #expect(NameGate.client("2001:db8:1:2::1") != NameGate.client("2001:db8:1:3::1"))
        #expect(NameGate.client("2001:db8::1") == "2001:db8:0:0::/64")
        #expect(NameGate.client("::ffff:192.0.2.7") == "192.0.2.7")
        #expect(NameGate.client("192.0.2.7") == "192.0.2.7")
        var gate = NameGate(.standard)
        let all = (0..<1_000).count { gate.admit("2001:db8::\($0)", now: start) == nil }
        #expect(all == 400)
    }

    /// Whoever only looks is never told to wait; where there is no namestore, everybody is told so.
    @Test func readsAreFree() {
        var gate = NameGate(.everyone(perSecond: 2))
        _ = admitted(&gate, "192.0.2.1", 8)
        func status(_ operation: NameOperation, hasNamestore: Bool = true) -> UInt? {
            gate.refusal(of: operation, from: "192.0.2.1", hasNamestore: hasNamestore, now: start)?.status
        }
        let release = NameOperation.release(owner: OwnerDigest(Digest256(1, 2, 3, 4)), expected: nil)
        let told = [status(.read), status(release), status(.read, hasNamestore: false)]
        #expect(told == [nil, 429, HTTPResponse(NameResponses.nowhere).status])
    }

    @Test func aRefusalSaysHowLong() {
        var gate = NameGate(.everyone(perSecond: 2))
        _ = admitted(&gate, "192.0.2.1", 8)
        let wait = gate.admit("192.0.2.1", now: start)
        #expect(wait.map { $0 > .zero && $0 <= .milliseconds(500) } == true)
    }
}
