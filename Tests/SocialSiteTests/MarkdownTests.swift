// Markdown: what stays of it, what never does, and that no text takes long or much.

import Social
import Testing
import World

@testable import SocialSite

@Suite struct MarkdownTests {
    private func html(_ text: String) throws -> String {
        String(decoding: try #require(Markdown.html(Array(text.utf8))), as: UTF8.self)
    }

    @Test(arguments: [
        ("", ""),
        ("a *b* **c** `d`", "<p>a <em>b</em> <strong>c</strong> <code>d</code></p>\n"),
        ("# One\n\n###### Six", "<h2>One</h2>\n<h6>Six</h6>\n"),
        ("[a](https://b.example/)", "<p><a rel=\"nofollow ugc\" href=\"https://b.example/\">a</a></p>\n"),
        ("[a](/ben/)", "<p><a rel=\"nofollow ugc\" href=\"/ben/\">a</a></p>\n"),
        ("[a](#b) [c](d.html) <mailto:e@f.example>", nil),
        ("`<a href=\"x\">`", "<p><code>&lt;a href=&quot;x&quot;&gt;</code></p>\n"),
        // Images: of this site they stay, of others they are links.
        ("![a](/ben/photo/raw)", "<p><img src=\"/ben/photo/raw\" alt=\"a\" /></p>\n"),
        (
            "![a *b*](https://c.example/d.png \"e\")",
            "<p><a rel=\"nofollow ugc\" href=\"https://c.example/d.png\" title=\"e\">a <em>b</em></a></p>\n"
        ),
        (
            "![](https://c.example/d.png)",
            "<p><a rel=\"nofollow ugc\" href=\"https://c.example/d.png\">https://c.example/d.png</a></p>\n"
        ),
        ("![a](//c.example/d.png)", "<p>a</p>\n"),
        // Of what is followed by nobody the words stay.
        ("[a *b*](javascript:alert(1)) c", "<p>a <em>b</em> c</p>\n"), ("<javascript:x>", "<p>javascript:x</p>\n"),
        ("[a](//b.example/) ![c](data:image/png;base64,AAAA)", "<p>a c</p>\n"),
        (
            "[![a](https://b.example/c.png)](https://d.example/)",
            "<p><a rel=\"nofollow ugc\" href=\"https://d.example/\">a</a></p>\n"
        ),
        (
            "![a [b](https://c.example/) ![d](https://e.example/f.png)](https://g.example/h.png)",
            "<p><a rel=\"nofollow ugc\" href=\"https://g.example/h.png\">a b d</a></p>\n"
        ),
        ("[*![](https://a.example/b.png)*](/c/)", "<p><a rel=\"nofollow ugc\" href=\"/c/\"><em></em></a></p>\n"),
        ("a <b onclick=x>b</b>", "<p>a <!-- raw HTML omitted -->b<!-- raw HTML omitted --></p>\n"),
    ])
    func becomes(_ text: String, _ expected: String?) throws {
        let html = try html(text)
        if let expected { #expect(html == expected) } else { #expect(!html.contains("href=\"\"")) }
    }

    /// No element but CommonMark's, no attribute but its few, no address but of the web.
    @Test(arguments: [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href=\"javascript:alert(1)\">x</a>",
        "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java&Tab;script:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](<java\tscript:alert(1)>)", "[x](<\u{1}javascript:alert(1)>)", "<javascript:alert(1)>", "[x](vbscript:x)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](data:image/png;base64,AAAA)", "![x](javascript:alert(1))",
        "![x](data:image/svg+xml,<svg/onload=alert(1)>)", "[x]: javascript:alert(1)\n\n[x]", "[x](file:///etc/passwd)",
        "[x](/\\evil.example/ \"\\\" onmouseover=alert(1) x=\\\"\")", "[\"><img src=x onerror=alert(1)>](/a)",
        "```\"><script>\nx\n```", "``` x\" onclick=\"y\n```", "&lt;script&gt;", "<!--><script>alert(1)</script>-->",
        "<https://a.example/\"onmouseover=alert(1)>", "[x](https://a.example/\"onmouseover=\"alert(1))",
        "<svg/onload=alert(1)>",
        "<![CDATA[<script>]]>", "<?php <script> ?>", "[x](https://a.example/'\"><script>)",
        "![\"onerror=\"x](/a \"\\\"\")",
    ])
    func isHarmless(_ text: String) throws {
        let html = try html(text)
        let allowed =
            #"<(?:/?(?:p|em|strong|code|pre|blockquote|ul|ol|li|h[2-6])|hr /|br /|!-- raw HTML omitted --|/a"#
            + #"|code class="[^"<>]*"|a rel="nofollow ugc" href="(?!(?i:[a-z]*script|data|file))[^"<>]*"(?: title="[^"<>]*")?"#
            + #"|img src="/[^"<>]*" alt="[^"<>]*"(?: title="[^"<>]*")?(?: /)?)>"#
        let rest = html.replacing(try Regex(allowed), with: "")
        #expect(!rest.contains("<") && !rest.contains(">"), "\(html)")
    }

    /// Texts that have brought Markdown libraries down, of pieces that are repeated. Each is answered, with HTML or
    /// without, and soon.
    @Test(arguments: [
        [("[a]: /", 1), ("x", 100_000), ("\n\n", 1), ("[a]", 40_000)],
        [(">", 200_000)], [("> ", 500), ("a\n", 1), ("> a\n", 60_000)], [("* ", 60_000), ("a", 1)],
        [("![", 1_500), ("a", 1), ("](/b)", 1_500)], [("![[]()", 43_000)],
        [("*a **a ", 20_000), ("b", 1), (" a** a*", 10_000)],
        [("[", 200_000), ("a", 1), ("]", 50_000)], [("abc\u{0}de\u{0}", 30_000)], [("a](b", 60_000)],
        [("<!--", 60_000)],
        [("&", 250_000)], [("a\n", 130_000)], [("`a``b", 50_000)], [("*\n", 130_000)], [("[a]: b 'c\n", 20_000)],
    ])
    func isBounded(_ pieces: [(text: String, times: Int)]) {
        let bytes = pieces.flatMap { Array(String(repeating: $0.text, count: $0.times).utf8) }
        #expect(bytes.count <= Limits.markdownBytes)
        let clock = ContinuousClock()
        let start = clock.now
        if let html = Markdown.html(bytes) { #expect(html.count <= Limits.markdownMemoryBytes) }
        #expect(clock.now - start < .seconds(10))
    }

    @Test func deepOrLargeTextsAreShownAsTheyAre() {
        #expect(Markdown.html([UInt8](repeating: 0x61, count: Limits.markdownBytes + 1)) == nil)
        #expect(Markdown.html([UInt8](repeating: 0x61, count: Limits.markdownBytes)) != nil)
        #expect(Markdown.html(Array(String(repeating: "> ", count: Limits.markdownDepth + 1).utf8) + [0x61]) == nil)
        #expect(Markdown.html(Array(String(repeating: "> ", count: 20).utf8) + [0x61]) != nil)
    }

    /// Whatever bytes: HTML that is UTF-8, or none.
    @Test func anyBytesAreTaken() throws {
        var random = SeededRandom(seed: 11)
        let alphabet = Array("*_`[]()!<>&\"'\\#-+=~:/\n \t1aé\u{0}".utf8) + [0xFF, 0xC3, 0xE2]
        for _ in 0..<3_000 {
            let count = Int.random(in: 0..<200, using: &random)
            let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
            let html = try #require(Markdown.html(bytes))
            #expect(String(validating: html, as: UTF8.self) != nil)
            let text = String(decoding: html, as: UTF8.self)
            #expect(!text.contains("<script") && !text.contains("<img src=\"h"))
        }
    }

    @Test func theThreadRenders() async {
        let thread = MarkdownThread()
        defer { thread.stop() }
        let html = await withCheckedContinuation { continuation in
            thread.ask(.markdown(Array("a".utf8))) { continuation.resume(returning: $0) }
        }
        #expect(html == Array("<p>a</p>\n".utf8))
    }
}
