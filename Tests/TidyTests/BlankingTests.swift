// The other tests trust in blanking; this one does not.

import Testing

@Suite struct BlankingTests {
    @Test(arguments: [
        (#"let a = 1 // b"#, "let a = 1     "),
        (#"let a = "b" + c"#, "let a =     + c"),
        (#"let a = "\"" + c"#, "let a =      + c"),
        (#"f("\(g("x"))") + h"#, "f(           ) + h"),
        (##"let a = #"b\"# + c"##, "let a =        + c"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (#"let u = "http://x" + y"#, "let u =            + y"),
    ])
    func blanksCommentsAndLiterals(_ text: String, _ blanked: String) {
        #expect(Blanking.blank(text) == blanked)
    }

    @Test func keepsLines() {
        let text = "let a = \"\"\"\n  // no comment\n  \"b\"\n  \"\"\" + c\n/* d\n*/ let e = 1\n"
        let blanked = Blanking.blank(text)
        #expect(blanked.utf8.count { $0 == 0x0A } == text.utf8.count { $0 == 0x0A })
        #expect(blanked.contains("+ c") && blanked.contains("let e = 1"))
        #expect(!blanked.contains("no comment") && !blanked.contains("b") && !blanked.contains("d\n"))
    }

    @Test func endsWithTheText() {
        for text in ["\"", "\"\"\"", "/*", "\"\\(", "#\"", "\"\\"] {
            #expect(Blanking.blank(text).utf8.count == text.utf8.count)
        }
    }
}
