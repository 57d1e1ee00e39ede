// What a node says over a WebSocket (docs/LIVE.md), one JSON object to a text frame:
//
//     {"watch":1,"event":"document","id":"…","data":{…}}     the events of a stream; {} keeps a quiet connection open
//     {"done":17,"watch":1,"dots":"…","results":[…],"context":"…"}
//     {"failed":17,"watch":1,"problem":{…}}   {"refused":1,"problem":{…}}   {"problem":{…}}

import Causality
import DataTypes
import JSON
import Keys
import Live
import World

enum SocketText {
    /// The events of a block, each a text. A block has whole events, and their data is one line.
    static func events(_ pieces: [ArraySlice<UInt8>], watch: Int) -> [[UInt8]] {
        var block: [UInt8] = []
        block.reserveCapacity(pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { block += piece }
        var texts: [[UInt8]] = []
        var event = StreamEvent()
        for line in block.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if !line.isEmpty {
                event.take(line)
            } else if let text = event.text(watch: watch) {
                texts.append(text)
                event = StreamEvent()
            }
        }
        return texts
    }

    /// The request is done: what its minter answers, and what that has seen.
    static func done(_ number: UInt64, watch: Int, _ answer: [UInt8], _ context: [UInt8]) -> [UInt8] {
        var text = Array("{\"done\":\(number),\"watch\":\(watch)".utf8)
        // An object: its members follow.
        if answer.count > 2 { text += [0x2C] + answer[1..<(answer.count - 1)] }
        text += Array(",\"context\":\"".utf8)
        text.append(base64: context)
        return text + Array("\"}".utf8)
    }

    static func failed(_ number: UInt64, watch: Int, _ problem: Problem) -> [UInt8] {
        Array("{\"failed\":\(number),\"watch\":\(watch),".utf8) + member(problem.body)
    }

    /// `problem`: as the body of an answer.
    static func refused(watch: Int, _ problem: [UInt8]) -> [UInt8] {
        Array("{\"refused\":\(watch),".utf8) + member(problem)
    }

    static func problem(_ problem: Problem) -> [UInt8] { [0x7B] + member(problem.body) }

    private static func member(_ problem: [UInt8]) -> [UInt8] {
        // Without its line end.
        Array("\"problem\":".utf8) + problem.dropLast() + [0x7D]
    }
}

/// An event of a stream, line by line (WHATWG HTML, 9.2).
private struct StreamEvent {
    private var id: ArraySlice<UInt8> = []
    private var name: ArraySlice<UInt8> = []
    private var data: ArraySlice<UInt8> = []
    private var isComment = false

    mutating func take(_ line: ArraySlice<UInt8>) {
        func rest(behind start: String) -> ArraySlice<UInt8>? {
            line.starts(with: start.utf8) ? line.dropFirst(start.utf8.count) : nil
        }
        if let rest = rest(behind: "id: ") { id = rest }
        if let rest = rest(behind: "event: ") { name = rest }
        if let rest = rest(behind: "data: ") { data = rest }
        if line.first == 0x3A { isComment = true }
    }

    /// Nil if nothing came before the blank line. Ids and names have no characters that JSON escapes.
    func text(watch: Int) -> [UInt8]? {
        guard !data.isEmpty else { return isComment ? [0x7B, 0x7D] : nil }
        var text = Array("{\"watch\":\(watch),\"event\":\"".utf8)
        text += name
        text += Array("\",\"id\":\"".utf8)
        text += id
        text += Array("\",\"data\":".utf8)
        text += data
        return text + [0x7D]
    }
}
