// The frames of a client's WebSocket (RFC 6455): which are whole messages, which are answered at once, and which end
// the connection, with the code that says why. And whether the client is there at all.

import JSON
package import World

package struct SocketFrames: Sendable {
    /// As it was read; the payload without its mask.
    package struct Frame: Sendable {
        let opcode: UInt8
        let isFinal: Bool
        let isMasked: Bool
        let hasReservedBits: Bool
        let payload: [UInt8]

        package init(opcode: UInt8, isFinal: Bool, isMasked: Bool, hasReservedBits: Bool, payload: [UInt8]) {
            self.opcode = opcode
            self.isFinal = isFinal
            self.isMasked = isMasked
            self.hasReservedBits = hasReservedBits
            self.payload = payload
        }
    }

    package enum Verdict: Hashable, Sendable {
        case nothing
        /// A whole text message: valid UTF-8.
        case message([UInt8])
        /// To be answered with the same.
        case ping([UInt8])
        /// The client closes; its code is said back, where it gave one.
        case closed(UInt16?)
        case fail(LiveSocket.CloseCode, String)
    }

    /// RFC 6455, 5.2.
    private enum Opcode {
        static let continuation: UInt8 = 0
        static let text: UInt8 = 1
        static let binary: UInt8 = 2
        static let close: UInt8 = 8
        static let ping: UInt8 = 9
        static let pong: UInt8 = 10
    }

    /// A message of which more is to come.
    private var begun: [UInt8]?
    private var heard: Instant

    package init(_ now: Instant) { heard = now }

    /// Whoever was silent although it was pinged is gone.
    package func isGone(_ now: Instant) -> Bool { now - heard >= Limits.socketSilence }

    package mutating func take(_ frame: Frame, _ now: Instant) -> Verdict {
        heard = now
        guard frame.isMasked else { return .fail(.protocolError, "a client's frame is masked") }
        guard !frame.hasReservedBits else { return .fail(.protocolError, "no extension was agreed on") }
        switch frame.opcode {
        case Opcode.close, Opcode.ping, Opcode.pong: return control(frame)
        case Opcode.binary: return .fail(.unsupportedData, "messages are text")
        case Opcode.text:
            guard begun == nil else { return .fail(.protocolError, "the message before has no end") }
            return add(frame, to: [])
        case Opcode.continuation:
            guard let begun else { return .fail(.protocolError, "a continuation of nothing") }
            self.begun = nil
            return add(frame, to: begun)
        default: return .fail(.protocolError, "an unknown kind of frame")
        }
    }

    /// Where not even a frame could be made of what came.
    package static func unreadable(isTooLarge: Bool) -> Verdict {
        isTooLarge
            ? .fail(.tooLarge, "a message has \(Limits.socketMessageBytes) bytes at most")
            : .fail(.protocolError, "a control frame is short and whole")
    }

    private mutating func add(_ frame: Frame, to begun: [UInt8]) -> Verdict {
        guard begun.count + frame.payload.count <= Limits.socketMessageBytes else {
            return SocketFrames.unreadable(isTooLarge: true)
        }
        let message = begun + frame.payload
        guard frame.isFinal else {
            self.begun = message
            return .nothing
        }
        guard message[...].isUTF8 else { return .fail(.invalidText, "text is UTF-8") }
        return .message(message)
    }

    private func control(_ frame: Frame) -> Verdict {
        guard frame.isFinal, frame.payload.count < 126 else { return SocketFrames.unreadable(isTooLarge: false) }
        switch frame.opcode {
        case Opcode.ping: return .ping(frame.payload)
        case Opcode.pong: return .nothing
        default: break
        }
        guard !frame.payload.isEmpty else { return .closed(nil) }
        guard frame.payload.count > 1 else { return .fail(.protocolError, "a close code has two bytes") }
        let code = UInt16(frame.payload[0]) << 8 | UInt16(frame.payload[1])
        // RFC 6455, 7.4: the others never travel.
        guard (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code) else {
            return .fail(.protocolError, "no such close code")
        }
        guard frame.payload[2...].isUTF8 else { return .fail(.invalidText, "text is UTF-8") }
        return .closed(code)
    }
}
