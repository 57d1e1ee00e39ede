// Reads Server-Sent Events as a browser does (WHATWG HTML, 9.2.6), whatever pieces they come in.

import World

struct ServerEvent: Equatable, Sendable {
    var name = "message"
    var data = ""
    /// The last that was named, with this event or before it.
    var id: String?
}

struct EventReader: Sendable {
    private var line: [UInt8] = []
    private var endedWithReturn = false
    private var event = ServerEvent()
    private var hasData = false
    /// A line: a value of the largest size, each byte of it escaped, and what stands around it.
    private static let longestLine = 6 * Limits.objectBytes + (1 << 20)

    /// Nil once a line is longer than any that a node sends.
    mutating func read(_ bytes: some Sequence<UInt8>) -> [ServerEvent]? {
        var events: [ServerEvent] = []
        for byte in bytes {
            let wasReturn = endedWithReturn
            endedWithReturn = byte == 0x0D
            switch byte {
            // The second half of an end.
            case 0x0A where wasReturn: break
            case 0x0A, 0x0D: if let event = endLine() { events.append(event) }
            default:
                guard line.count < EventReader.longestLine else { return nil }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: 0x3A) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == 0x20 { value = value.dropFirst() }
        let text = String(decoding: value, as: UTF8.self)
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": event.name = text
        case "id": if !value.contains(0) { event.id = text }
        case "data":
            event.data += (hasData ? "\n" : "") + text
            hasData = true
        // A comment, which keeps the connection open; or what nobody knows.
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerEvent? {
        defer {
            event = ServerEvent(id: event.id)
            hasData = false
        }
        return hasData ? event : nil
    }
}
