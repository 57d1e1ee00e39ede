// HTML of strangers: what is written of it is of the twenty elements, balanced, and harmless.

import Feeds
import Testing
import World

/// Reads what was written by a grammar of its own, so that the writer does not vouch for itself.
enum SafeHTMLCheck {
    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    private static let elements: Set<String> = [
        "p", "br", "hr", "a", "b", "i", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "h2", "h3",
        "h4", "sub", "sup",
    ]
    private static let blocks: Set<String> = ["p", "pre", "blockquote", "ul", "ol", "li", "h2", "h3", "h4", "hr"]

    static func check(_ html: String) throws {
        var open: [String] = []
        var rest = html[...]
        while let start = rest.firstIndex(where: { $0 == "<" || $0 == ">" || $0 == "&" || $0 == "\"" }) {
            if rest[start] == "&" {
                guard ["&amp;", "&lt;", "&gt;", "&quot;"].contains(where: { rest[start...].hasPrefix($0) }) else {
                    throw Broken(description: "a bare ampersand: \(html)")
                }
                rest = rest[rest.index(after: start)...]
                continue
            }
            guard rest[start] == "<", let end = rest[start...].firstIndex(of: ">") else {
                throw Broken(description: "a bare \(rest[start]): \(html)")
            }
            try tag(rest[rest.index(after: start)..<end], &open, html)
            rest = rest[rest.index(after: end)...]
        }
        guard open.isEmpty else { throw Broken(description: "open \(open): \(html)") }
        for scalar in html.unicodeScalars where scalar.value < 0x20 && scalar != "\n" && scalar != "\t" {
            throw Broken(description: "a control character: \(html)")
        }
    }

    private static func tag(_ tag: Substring, _ open: inout [String], _ html: String) throws {
        if tag.hasPrefix("/") {
            guard open.popLast() == String(tag.dropFirst()) else { throw Broken(description: "misnested: \(html)") }
            return
        }
        var name = String(tag)
        if tag.hasPrefix("a ") {
            name = "a"
            let end = "\" rel=\"nofollow noopener noreferrer\""
            guard tag.hasPrefix("a href=\"http://") || tag.hasPrefix("a href=\"https://"), tag.hasSuffix(end),
                tag.dropFirst(8).dropLast(end.count).allSatisfy({ $0 != "\"" && $0 != " " })
            else { throw Broken(description: "a strange link: \(html)") }
            guard !open.contains("a") else { throw Broken(description: "a link in a link: \(html)") }
        } else if name == "a" {
            throw Broken(description: "an anchor that leads nowhere: \(html)")
        }
        guard elements.contains(name) else { throw Broken(description: "<\(tag)>: \(html)") }
        let holder = open.last ?? "body"
        let isContainer = ["body", "blockquote", "li"].contains(holder)
        if name == "li" {
            guard holder == "ul" || holder == "ol" else { throw Broken(description: "an item of no list: \(html)") }
        } else if ["ul", "ol"].contains(holder) {
            throw Broken(description: "a list of no items: \(html)")
        } else if blocks.contains(name), !isContainer {
            throw Broken(description: "a block in a line: \(html)")
        } else if !blocks.contains(name), holder == "body" || holder == "blockquote" {
            throw Broken(description: "a line without a block: \(html)")
        }
        guard open.count < Limits.htmlDepth else { throw Broken(description: "too deep: \(html)") }
        if name != "br", name != "hr" { open.append(name) }
    }
}

@Suite struct ForeignHTMLTests {
    private func clean(_ html: String, base: String? = "https://blog.example/a/b") -> String {
        String(decoding: ForeignHTML.clean(Array(html.utf8), base: base.flatMap { FeedURL($0) }), as: UTF8.self)
    }

    private static func link(_ url: String, _ text: String) -> String {
        "<a href=\"\(url)\" rel=\"nofollow noopener noreferrer\">\(text)</a>"
    }

    @Test(
        arguments: [
            ("plain", "<p>plain</p>"), ("a<p>b<p>c", "<p>a</p><p>b</p><p>c</p>"), ("", ""), (" \n ", ""),
            ("<b>x<i>y</b>z</i>", "<p><b>x<i>y</i></b>z</p>"), ("<div>a</div><div>b</div>", "<p>a</p><p>b</p>"),
            ("<h1>T</h1>x", "<h2>T</h2><p>x</p>"), ("<ul>a<li>b<li>c</ul>", "<ul><li>a</li><li>b</li><li>c</li></ul>"),
            ("<ul><li>a<ul><li>b</ul></ul>", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
            ("<li>loose", "<p>loose</p>"), ("<blockquote>q</blockquote>", "<blockquote><p>q</p></blockquote>"),
            ("<pre> a\n  b</pre>", "<pre> a\n  b</pre>"), ("<del>x</del><u>y</u>", "<p><s>x</s>y</p>"),
            ("a<br>b<hr>c", "<p>a<br>b</p><hr><p>c</p>"),
            ("a &lt; b &amp;amp; c &hearts;", "<p>a &lt; b &amp;amp; c ♥</p>"),
            ("<table><tr><td>a<td>b<tr><td>c</table>", "<p>a b</p><p>c</p>"), ("1 < 2 > 0", "<p>1 &lt; 2 &gt; 0</p>"),
            ("<a href=c>x</a>", "<p>" + link("https://blog.example/a/c", "x") + "</p>"),
            ("<a href='//o.example/?a=1&amp;b=2#c'>x", "<p>" + link("https://o.example/?a=1&amp;b=2#c", "x") + "</p>"),
            ("<a name=x>y</a>", "<p>y</p>"),
            ("<A HREF=\"HTTPS://O.example\">x</A>", "<p>" + link("https://o.example/", "x") + "</p>"),
            (
                "<img src=i.png alt='a \"cat\"'>",
                "<p>" + link("https://blog.example/a/i.png", "a &quot;cat&quot;") + "</p>"
            ),
            ("<a href=/x><img src=i.png></a>", "<p>" + link("https://blog.example/x", "") + "</p>"),
            ("<video src=v.mp4>no</video>", "<p>" + link("https://blog.example/a/v.mp4", "video") + "no</p>"),
            ("a<style>b{}</style><script>c</script>d", "<p>ad</p>"), ("<![CDATA[x<y]]>", "<p>x&lt;y</p>"),
        ] as [(String, String)])
    func isWrittenAnew(html: String, expected: String) throws {
        #expect(clean(html) == expected)
        try SafeHTMLCheck.check(clean(html))
    }

    /// From the corpora of filters' tests (OWASP, html5sec): whatever a browser might run.
    static let attacks = [
        "<script>alert(1)</script>", "<SCRIPT SRC=//evil.example/x.js></SCRIPT>", "<scr<script>ipt>alert(1)</script>",
        "<img src=x onerror=alert(1)>", "<img src=\"javascript:alert(1)\">", "<svg onload=alert(1)>",
        "<svg><script>alert&#40;1)</script></svg>", "<a href=\"javascript:alert(1)\">x</a>",
        "<a href=\"java\nscript:alert(1)\">x</a>", "<a href=\" &#14; javascript:alert(1)\">x</a>",
        "<a href=\"java&#x73;cript&colon;alert(1)\">x</a>", "<a href=\"&#106;&#97;vascript:alert(1)\">x</a>",
        "<a href=\"data:text/html;base64,PHNjcmlwdD4=\">x</a>", "<a href=\"vbscript:msgbox(1)\">x</a>",
        "<a href='https://o.example/\" onclick=\"alert(1)'>x</a>",
        "<a href=https://o.example/\"onmouseover=alert(1)>x</a>",
        "<a href=\"https://user:pass@bank.example/\">x</a>", "<a href=\"http://\">x</a>",
        "<a href=\"https:evil\">x</a>",
        "<iframe src=\"javascript:alert(1)\"></iframe>", "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
        "<object data=\"javascript:alert(1)\"><embed src=\"javascript:alert(1)\"></object>",
        "<form action=\"javascript:alert(1)\"><input type=submit></form>", "<body onload=alert(1)>",
        "<link rel=stylesheet href=\"javascript:alert(1)\">",
        "<meta http-equiv=refresh content=\"0;url=javascript:1\">",
        "<style>@import 'javascript:alert(1)';</style>", "<div style=\"background:url(javascript:alert(1))\">x</div>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<textarea></textarea><img src=x onerror=alert(1)>",
        "<title><img src=\"</title><img src=x onerror=alert(1)//\">", "<!--><img src=x onerror=alert(1)>-->",
        "<![CDATA[<img src=x onerror=alert(1)>]]>", "<?xml version=\"1.0\"?><script>alert(1)</script>",
        "<<script>alert(1);//<</script>", "<img \"\"\"><script>alert(1)</script>\">",
        "\u{0}<scr\u{0}ipt>alert(1)</script>",
        "<a href=\"https://o.example\" style=\"x\" onclick=alert(1)>x", "<b onmouseover=alert(1)>x</b>",
        "<p/onclick=alert(1)>x", "<xss id=x tabindex=1 onactivate=alert(1)></xss>", "<base href=\"javascript:/\">",
        "<template><script>alert(1)</script></template>", "<select><script>alert(1)</script></select>",
        "&lt;script&gt;alert(1)&lt;/script&gt;", "<img src=`x`onerror=alert(1)>", "<a href=\"\\\\evil.example\">x</a>",
        "<plaintext><script>alert(1)</script>", "<a href=\"https://o.example/<script>\">x</a>",
        "<IMG SRC=# onmouseover=alert(1)>",
    ]

    @Test(arguments: attacks) func attacksBecomeText(_ html: String) throws {
        for base in ["https://blog.example/", nil] {
            let written = clean(html, base: base)
            try SafeHTMLCheck.check(written)
            #expect(
                !written.contains("<script") && !written.contains("javascript:a") || !written.contains("href=\"java"))
        }
    }

    /// Any pieces in any order: safe, balanced, within bounds, and the same when they are written anew once more.
    @Test(arguments: [UInt64(1), 2, 3]) func whateverComesIsSafeAndStays(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let names = [
            "p", "br", "hr", "a", "b", "i", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "h1",
            "h2",
            "h3", "sub", "sup", "div", "td", "tr", "table", "img", "video", "script", "svg", "span", "dl", "u", "xyz",
        ]
        let texts = [
            "word", " ", "\n", "<", ">", "&", "\"", "&amp;", "&#39;", "é", "<!--", "-->", "</", "\u{0}", "a b",
        ]
        for _ in 0..<1_500 {
            var html = ""
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                let name = names[Int.random(in: 0..<names.count, using: &random)]
                switch Int.random(in: 0..<4, using: &random) {
                case 0: html += "</\(name)>"
                case 1: html += texts[Int.random(in: 0..<texts.count, using: &random)]
                case 2: html += "<\(name) href=\"/x?\(html.count)\" src='y' onclick=z>"
                default: html += "<\(name)>"
                }
            }
            let once = clean(html)
            try SafeHTMLCheck.check(once)
            #expect(clean(once) == once, "\(html)")
        }
    }

    @Test func timeAndSizeAreBounded() throws {
        let start = ContinuousClock.now
        for piece in [
            "<", "<a ", "<!--", "</", "<a href='", "&", "<b>", "<ul><li>", "<blockquote>", "<script>", "\"'", "&#",
        ] {
            let html = String(repeating: piece, count: Limits.feedTextBytes / piece.utf8.count)
            let written = clean(html)
            try SafeHTMLCheck.check(written)
            #expect(written.utf8.count < Limits.feedTextBytes + Limits.feedLinkBytes)
        }
        #expect(ContinuousClock.now - start < .seconds(120))
    }

    @Test func plainTextIsOneLine() {
        func plain(_ html: String, _ most: Int = 80) -> String { ForeignHTML.plainText(Array(html.utf8), atMost: most) }
        #expect(plain("<p>One <b>two</b>\n three</p><p>four</p>") == "One two three four")
        #expect(plain("a<script>x</script>b &lt; c &eacute;") == "ab < c é")
        #expect(plain("abcdefghij", 5) == "abcd…")
        #expect(plain("", 5) == "")
        #expect(plain("🇩🇪🇩🇪🇩🇪", 2) == "🇩🇪…")
    }
}
