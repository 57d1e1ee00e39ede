// The times that a client has, and what the heads of chunks may take, at their edges: on a loop whose time is the
// test's own.

import Edge
import NIOCore
import NIOEmbedded
import Testing
import World

@testable import Server

/// One connection; the HTTP handler's part is played by the test.
private final class GuardedConnection {
    private let loop = EmbeddedEventLoop()
    let gate: HTTPGuard
    let channel: EmbeddedChannel
    private(set) var refusal: String?

    init() throws {
        gate = HTTPGuard(clock: { [loop] in
            Now(
                instant: Instant(nanoseconds: Int64(loop.now.uptimeNanoseconds)), wall: WallTime(milliseconds: 0))
        })
        channel = EmbeddedChannel(handler: gate, loop: loop)
        gate.refuse = { [unowned self] in refusal = "\($0.status) \($0.name)" }
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "client")).wait()
    }

    deinit { gate.refuse = nil }

    func arrives(_ count: Int) throws { _ = try channel.writeInbound(ByteBuffer(repeating: 0x61, count: count)) }
    func expects(_ expectation: ClientConnection.Expectation) { gate.watch.expect(expectation, now) }
    func bodyCame(_ bytes: Int) { gate.watch.bodyCame(bytes, now) }
    private var now: Instant { Instant(nanoseconds: Int64(loop.now.uptimeNanoseconds)) }
    func passes(_ span: Span) { loop.advanceTime(by: .nanoseconds(span.nanoseconds)) }

    /// What became of it: nil as long as it goes on.
    var end: String? { refusal ?? (channel.isActive ? nil : "closed") }
}

@Suite struct HTTPGuardTests {
    /// Deadlines are looked at so often.
    private static let check = Span(nanoseconds: Limits.headerReadTimeout.nanoseconds / 4)

    /// It goes on to the end of `span`, of which `gone` are over, and not much longer.
    private func expect(
        _ end: String, of connection: GuardedConnection, after span: Span, gone: Span = .zero,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let left = Span(nanoseconds: span.nanoseconds - gone.nanoseconds)
        connection.passes(Span(nanoseconds: left.nanoseconds - 1))
        #expect(connection.end == nil, sourceLocation: sourceLocation)
        connection.passes(HTTPGuardTests.check + .milliseconds(1))
        #expect(connection.end == end, sourceLocation: sourceLocation)
    }

    @Test func theLimitsAreAsDocumented() {
        #expect(Limits.firstByteTimeout == .seconds(30) && Limits.headerReadTimeout == .seconds(10))
        #expect(Limits.bodyReadTimeout == .seconds(30) && Limits.bodyLeastRate == 4 << 10)
        #expect(Limits.idleTimeout == .seconds(90))
        #expect(Limits.answerReadTimeout == .minutes(10) && Limits.readerGrace == .seconds(10))
        #expect(Limits.chunkHeadBytes == 4 << 10 && Limits.chunkHeadBytesPerByte == 16)
        #expect(Limits.httpConnections == 16_384 && Limits.requestsInFlight == 8_192 && Limits.clientBytes == 256 << 20)
        #expect(Limits.defaultRequestTimeout == .seconds(5))
    }

    @Test func whoSaysNothingIsLetGoWithoutAWord() throws {
        expect("closed", of: try GuardedConnection(), after: Limits.firstByteTimeout)
    }

    /// However many bytes come meanwhile.
    @Test func aHeadHasItsTimeFromTheFirstByteOn() throws {
        let connection = try GuardedConnection()
        for _ in 0..<9 {
            try connection.arrives(1)
            connection.passes(.seconds(1))
        }
        expect("408 request-timeout", of: connection, after: Limits.headerReadTimeout, gone: .seconds(9))
    }

    @Test func partsOfABodyFollowEachOther() throws {
        let connection = try GuardedConnection()
        connection.expects(.body)
        connection.passes(.seconds(20))
        connection.bodyCame(1 << 20)
        expect("408 request-timeout", of: connection, after: Limits.bodyReadTimeout)
    }

    /// A second more for each so many bytes; those of chunks' heads buy nothing.
    @Test(arguments: [0, 1, 12]) func aWholeBodyHasATimeOfItsOwn(_ seconds: Int) throws {
        let connection = try GuardedConnection()
        connection.expects(.body)
        connection.bodyCame(seconds * Limits.bodyLeastRate)
        for _ in 0..<29 {
            connection.passes(.seconds(1))
            try connection.arrives(1)
            connection.bodyCame(1)
        }
        let whole = Limits.bodyReadTimeout + .seconds(Int64(seconds))
        expect("408 request-timeout", of: connection, after: whole, gone: .seconds(29))
    }

    @Test func anIdleConnectionEnds() throws {
        let connection = try GuardedConnection()
        try connection.arrives(1)
        connection.expects(.body)
        connection.expects(.nothing)
        // Its answer takes what it takes.
        connection.passes(.minutes(60))
        #expect(connection.end == nil)
        connection.expects(.nextRequest)
        expect("closed", of: connection, after: Limits.idleTimeout)
    }

    @Test func whoStillReadsIsNotIdle() throws {
        let connection = try GuardedConnection()
        connection.channel.isWritable = false
        connection.expects(.nextRequest)
        expect("closed", of: connection, after: Limits.answerReadTimeout)
    }

    /// What has come is looked at before more is taken.
    @Test(arguments: [0, 1, 500]) func headsOfChunksAreBounded(_ body: Int) throws {
        let most = Limits.chunkHeadBytes + body * Limits.chunkHeadBytesPerByte
        for (heads, isTaken) in [(most, true), (most + 1, false)] {
            let connection = try GuardedConnection()
            connection.expects(.body)
            try connection.arrives(heads + body)
            connection.bodyCame(body)
            try connection.arrives(1)
            #expect(connection.end == (isTaken ? nil : "413 too-large"), "\(heads)")
        }
    }
}
