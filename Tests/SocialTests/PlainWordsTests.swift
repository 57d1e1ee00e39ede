// Markdown without its marks, as summaries have it.

import Testing
import World

@testable import Social

struct PlainWordsTests {
    @Test(arguments: [
        ("It *rains*, and the **sea** is `grey`.", "It rains, and the sea is grey."),
        ("# The regatta\n\nOn *Sunday*", "The regatta On Sunday"),
        ("> a\n> - b\n> - c", "a b c"), ("- one\n* two\n+ three", "one two three"),
        ("---\na\n***\n===\n```swift\nlet a = 1\n```", "a let a = 1"),
        ("[the song](https://a.example/) and ![a seal](/b.png)", "the song and a seal"),
        ("snake_case, 2 * 3, #tag, _so_, __very__", "snake_case, 2 * 3, #tag, so, very"),
        ("\\*not\\* [a] (b)", "*not* [a] (b)"), ("[a](b", "a"), ("", ""), ("*", ""), ("[[a](b)](c)", "a"),
        ("[a](b(c)d) e", "a e"), ("[a](b(c) d", "a"),
    ])
    func areLeft(_ text: String, _ words: String) {
        #expect(PostContent(Array(text.utf8), type: "text/markdown").summary == words)
    }

    @Test func plainTextIsAsItStands() {
        #expect(PostContent(Array("# *a*".utf8), type: "text/plain").summary == "# *a*")
    }

    @Test func anyTextIsTaken() {
        var random = SeededRandom(seed: 3)
        let alphabet = Array("*_`[]()!#>-+=~\\ \r\n\u{301}aé")
        for _ in 0..<2_000 {
            let text = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            _ = PostContent(Array(String(text).utf8), type: "text/markdown")
        }
    }
}
