// The room that is kept for an answer follows what such answers took.

import Testing

@testable import Edge

@Suite struct ExpectedAnswersTests {
    @Test func whatIsExpectedFollowsWhatComes() {
        var expected = ExpectedBytes(copies: 3, over: 8, first: 1 << 20)
        #expect(expected.bytes == 3 << 20)
        for _ in 0..<100 { expected.observe(1_000) }
        #expect(expected.bytes < 8_000)
        for _ in 0..<100 { expected.observe(8 << 20) }
        #expect(expected.bytes > 23 << 20)
    }
}
