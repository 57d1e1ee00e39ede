// What a long life of editing leaves: the bytes of a text, with its deleted characters and swept of them.

import Causality
import JSON
import Testing
import World

@testable import DataTypes

/// Bursts of typing with typing errors, jumps, deleted words and passages, by three minters in turn.
struct EditingTrace {
    var object = TypedObject()
    var length = 0
    private var dice: SeededRandom
    private var minter = 0
    private var edits = 0
    private var counters: [UInt64] = [0, 0, 0]

    init(seed: UInt64) { dice = SeededRandom(seed: seed) }

    mutating func run() -> MintingRun {
        counters[minter] += 1
        return MintingRun(
            actor: Actor.numbered(minter), first: counters[minter], time: HybridTime(bits: UInt64(edits)))
    }

    /// One request a keystroke, as a typist makes them.
    mutating func splice(_ at: Int, _ deleted: Int, _ text: String) throws {
        edits += 1
        let splice = Operation.splice(Path(), .at(at), delete: deleted, text: text)
        _ = try object.apply(TypedRequest([splice]), as: .text, run())
        length += text.unicodeScalars.count - deleted
    }

    mutating func play(_ count: Int) throws {
        let words = "the of island and to a sea in that replicas tide is was for atoll on are with as reef".split(
            separator: " ")
        var cursor = 0
        while edits < count {
            if dice.chance(0.003) { minter = Int.random(in: 0..<3, using: &dice) }
            if dice.chance(0.15) {
                let near = cursor + Int.random(in: -200...200, using: &dice)
                cursor = dice.chance(0.6) ? max(0, min(length, near)) : Int.random(in: 0...length, using: &dice)
            }
            switch dice.unit() {
            case ..<0.86:
                for _ in 0..<Int.random(in: 1...8, using: &dice) {
                    for character in words[Int.random(in: 0..<words.count, using: &dice)] + " " where edits < count {
                        try splice(cursor, 0, String(character))
                        cursor += 1
                        guard dice.chance(0.06) else { continue }
                        try erase(Int.random(in: 1...3, using: &dice), before: &cursor)
                    }
                }
            case ..<0.97: try erase(Int.random(in: 0..<12, using: &dice), before: &cursor)
            default:
                let passage = min(length - cursor, Int.random(in: 0..<160, using: &dice))
                if passage > 0 { try splice(cursor, passage, "") }
            }
        }
    }

    private mutating func erase(_ count: Int, before cursor: inout Int) throws {
        for _ in 0..<min(count, cursor) {
            cursor -= 1
            try splice(cursor, 1, "")
        }
    }
}

@Suite struct TraceTests {
    @Test func aSweptTextTakesLittleMoreThanItsCharacters() throws {
        var trace = EditingTrace(seed: 7)
        try trace.play(100_000)
        let whole = trace.object.encode().count
        let isWorthIt = trace.object.isWorthSweeping(from: Limits.sweptElements)
        #expect(isWorthIt)
        let text = trace.object.value()
        _ = try trace.object.sweep(reports: [trace.object.versions], trace.run())
        let swept = trace.object.encode().count
        #expect(trace.object.value() == text)
        #expect(Double(whole) / Double(trace.length) < 2.2, "\(whole) for \(trace.length)")
        #expect(Double(swept) / Double(trace.length) <= 1.45, "\(swept) for \(trace.length)")
        #expect(try TypedObject(decoding: trace.object.encode()).encode().count == swept)
    }
}
