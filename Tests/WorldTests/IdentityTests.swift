// Names, the outbox and spans.

import Testing
import World

@Suite struct IdentityTests {
    @Test(arguments: ["a", "0", "de-fra-1", "a.b_c-d", String(repeating: "x", count: 64)])
    func goodNames(_ name: String) { #expect(NodeID(name)?.name == name) }

    @Test(arguments: ["", "-a", ".a", "_a", "A", "a b", "ä", "a/b", "a\u{0}", String(repeating: "x", count: 65)])
    func badNames(_ name: String) { #expect(NodeID(name) == nil) }

    @Test func namesSortAsText() { #expect(NodeID(literal: "a-1") < NodeID(literal: "a-2")) }
}

@Suite struct OutboxTests {
    @Test func givesEffectsOnceAndInOrder() {
        var out = Outbox<Int>()
        out.emit(1)
        out.emit(2)
        #expect(out.take() == [1, 2] && out.isEmpty)
        out.emit(3)
        #expect(out.take() == [3] && out.take() == [])
    }

    @Test func takesBackTheArrayOfTheLastTimeWithoutItsEffects() {
        var out = Outbox<Int>()
        var taken = [7]
        out.emit(1)
        out.take(into: &taken)
        #expect(taken == [1] && out.isEmpty)
        out.emit(2)
        out.take(into: &taken)
        #expect(taken == [2] && out.isEmpty)
        out.take(into: &taken)
        #expect(taken == [])
    }
}

@Suite struct SpanTests {
    @Test func whatIsNotFiniteBecomesABound() {
        #expect(Span(milliseconds: .nan) == .zero)
        #expect(Span(milliseconds: .infinity) > .hours(24 * 365))
        #expect(Span(milliseconds: -.infinity) < .zero)
        #expect(Span(milliseconds: 1.5) == .microseconds(1_500))
    }
}
