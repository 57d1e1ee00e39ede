// Frames of a WebSocket, good and bad, and what is made of them (RFC 6455).

import Testing
import World

@testable import Edge

@Suite struct SocketFrameTests {
    private static let start = Instant.origin

    private static func frame(
        _ opcode: UInt8, _ payload: [UInt8] = [], final isFinal: Bool = true, masked: Bool = true,
        reserved: Bool = false
    ) -> SocketFrames.Frame {
        SocketFrames.Frame(
            opcode: opcode, isFinal: isFinal, isMasked: masked, hasReservedBits: reserved, payload: payload)
    }

    private static func play(_ frames: SocketFrames.Frame...) -> SocketFrames.Verdict {
        var socket = SocketFrames(start)
        var last = SocketFrames.Verdict.nothing
        for frame in frames { last = socket.take(frame, start) }
        return last
    }

    private static func code(_ verdict: SocketFrames.Verdict) -> UInt16? {
        if case .fail(let code, _) = verdict { code.rawValue } else { nil }
    }

    @Test func messagesAreGathered() {
        #expect(SocketFrameTests.play(SocketFrameTests.frame(1, Array("{}".utf8))) == .message(Array("{}".utf8)))
        var socket = SocketFrames(SocketFrameTests.start)
        let text = Array("ä😀".utf8)
        // A character may be cut between frames, and a ping may come between them.
        #expect(socket.take(SocketFrameTests.frame(1, Array(text[..<3]), final: false), .origin) == .nothing)
        #expect(socket.take(SocketFrameTests.frame(9, [7]), .origin) == .ping([7]))
        #expect(socket.take(SocketFrameTests.frame(0, [], final: false), .origin) == .nothing)
        #expect(socket.take(SocketFrameTests.frame(0, Array(text[3...])), .origin) == .message(text))
        #expect(socket.take(SocketFrameTests.frame(10), .origin) == .nothing)
        #expect(socket.take(SocketFrameTests.frame(8, [3, 232, 0x62]), .origin) == .closed(1000))
        #expect(SocketFrameTests.play(SocketFrameTests.frame(8)) == .closed(nil))
    }

    private static let broken: [(SocketFrames.Frame, UInt16)] = [
        (frame(1, [0x61], masked: false), 1002), (frame(1, [0x61], reserved: true), 1002), (frame(0, [0x61]), 1002),
        (frame(3), 1002), (frame(11), 1002), (frame(2, [1]), 1003), (frame(9, [], final: false), 1002),
        (frame(9, [UInt8](repeating: 0, count: 126)), 1002), (frame(1, [0xC3, 0x28]), 1007),
        (frame(1, [0xED, 0xA0, 0x80]), 1007), (frame(1, [0xC3]), 1007), (frame(8, [3]), 1002),
        (frame(8, [3, 237]), 1002), (frame(8, [3, 231]), 1002), (frame(8, [3, 232, 0xFF]), 1007),
        (frame(1, [UInt8](repeating: 0x61, count: Limits.socketMessageBytes + 1)), 1009),
    ]

    @Test(arguments: broken.indices)
    func whatBreaksTheProtocolEndsTheConnection(_ place: Int) {
        let (frame, code) = SocketFrameTests.broken[place]
        #expect(SocketFrameTests.code(SocketFrameTests.play(frame)) == code)
    }

    @Test func messagesMustEndBeforeTheNext() {
        #expect(
            SocketFrameTests.code(
                SocketFrameTests.play(SocketFrameTests.frame(1, final: false), SocketFrameTests.frame(1))) == 1002)
        // One bound for all the frames of a message.
        let half = [UInt8](repeating: 0x61, count: Limits.socketMessageBytes / 2 + 1)
        #expect(
            SocketFrameTests.code(
                SocketFrameTests.play(SocketFrameTests.frame(1, half, final: false), SocketFrameTests.frame(0, half)))
                == 1009)
    }

    @Test func aSilentClientIsGone() {
        var socket = SocketFrames(SocketFrameTests.start)
        #expect(!socket.isGone(.origin + .seconds(39)))
        #expect(socket.isGone(.origin + .seconds(40)))
        _ = socket.take(SocketFrameTests.frame(10), .origin + .seconds(39))
        #expect(!socket.isGone(.origin + .seconds(60)))
    }
}
