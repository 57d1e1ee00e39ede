// Pages from their values: nothing is missing, nothing breaks out of its place, nothing is too large.

import Foundation
import JSON
import Social
import Testing

@testable import SocialSite

@Suite struct PageTests {
    private let renderer = PageRenderer()

    private func html(_ page: Page) throws -> String {
        let rendered = renderer.render(page)
        #expect(rendered.fault == nil, "\(page.name): \(rendered.fault.map(String.init(describing:)) ?? "")")
        return try #require(String(validating: rendered.html, as: UTF8.self))
    }

    @Test func everyTemplateIsRead() throws {
        for (name, source) in PageRenderer.sources { _ = try PageTemplate(name: name, source) }
        let shown = Set(Sample.all.map(\.page.name))
        let parts = ["bottom", "card", "top"]
        #expect(shown.union(parts) == Set(PageRenderer.sources.map(\.name)))
    }

    @Test(arguments: Sample.all) func isWhole(_ sample: Sample) throws {
        let html = try html(sample.page)
        #expect(html.hasPrefix("<!doctype html>\n") && html.hasSuffix("</html>\n"))
        #expect(!html.contains("{{") && !html.contains("}}"))
        for once in ["<h1", "<main", "<title>", "site.css?v=", "site.js?v="] {
            #expect(html.components(separatedBy: once).count == 2, "\(once)")
        }
        // Each control has its name: a label, or words in it.
        let ids = PageTests.matches(#"<(?:input|select|textarea)\b[^>]*\bid="([^"]*)""#, html)
        for id in ids { #expect(html.contains("<label for=\"\(id)\">"), "\(id) has no label") }
        #expect(Set(ids).count == ids.count)
    }

    /// What people write may hold anything. The same marks stand in the page as with harmless words.
    @Test(arguments: Sample.all) func nothingBreaksOut(_ sample: Sample) throws {
        for attack in PageTests.attacks {
            let (harmless, hostile) = (filled(sample.page, "a"), filled(sample.page, attack))
            let marks = try [harmless, hostile].map { page in
                try html(page).unicodeScalars.filter { "<>\"'".unicodeScalars.contains($0) }.map(String.init).joined()
            }
            #expect(marks[0] == marks[1], "\(attack)")
        }
    }

    private func filled(_ page: Page, _ text: String) -> Page {
        Page(
            page.name,
            page.values.mapped { name, value in
                if case .string = value, name != "html" { .string(text) } else { nil }
            })
    }

    private static let attacks = [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)",
        "</textarea><svg onload=alert(1)>",
        "</title><script>alert(1)</script>", "--><script>", "&lt;script&gt;", "{{{html}}}", "{{#html}}",
        // A quote is a quote, whatever accent follows.
        "\"\u{301} onfocus=alert(1) autofocus x=\"", "<\u{338}img src=x>", "\"\u{200D}>", "a\u{0}\"><b>",
    ]

    @Test func nothingLeadsOffTheWeb() throws {
        let addresses = [
            "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)",
            "data:text/html,<b>",
            "vbscript:x", "//elsewhere.example/", "/\\elsewhere.example/", "/\t/elsewhere.example/", "blob:x",
            "\u{1}javascript:x",
            "file:///etc/passwd", "hello.html",
        ]
        for address in addresses {
            #expect(!PageWriter.isHarmless(address), "\(address)")
            let page = try filled(Sample.named("public"), address)
            let followed = PageTests.matches(#"(?:href|src|action)="([^"]*)""#, try html(page))
            #expect(followed.contains("#") && !followed.contains { $0.contains("elsewhere") || $0.contains("cript:") })
        }
        for address in [
            "", "/", "/ben/", "#main", "?before=1", "https://a.example/", "HTTP://a.example/?q=javascript:",
        ] {
            #expect(PageWriter.isHarmless(address), "\(address)")
        }
    }

    /// Every value that is named is asked for, and a page without it says so instead of showing a gap.
    @Test(arguments: Sample.all) func aMissingValueIsAFault(_ sample: Sample) throws {
        guard case .object(let members) = sample.page.values else { return }
        var faults = 0
        for member in members {
            let rendered = renderer.render(Page(sample.page.name, sample.page.values.without([member.name])))
            guard let fault = rendered.fault else { continue }
            faults += 1
            guard case .missing(_, let value) = fault else {
                Issue.record("\(fault)")
                continue
            }
            #expect(value == member.name || value.hasPrefix(member.name + "."))
            #expect(String(decoding: rendered.html, as: UTF8.self).contains("This page cannot be shown"))
        }
        // Some are shown where others are not: a heading where there is no person's name, a title that can be chosen.
        #expect(faults >= members.count - 5)
    }

    @Test func whatIsNoPageIsAFault() throws {
        #expect(renderer.render(Page("nowhere", .object([:]))).fault == .unknownTemplate("nowhere"))
        let wrong = try Sample.named("login").values.with("title", .array([.string("a")]))
        #expect(renderer.render(Page("login", wrong)).fault == .notText(template: "top", value: "title"))
        #expect(renderer.render(Page("login", .null)).fault != nil)
    }

    /// The weight of pages on a slow line.
    @Test func pagesAreSmall() throws {
        #expect(SiteAsset.style.bytes.count <= 8 << 10)
        #expect(SiteAsset.script.bytes.count <= 8 << 10)
        for file in ["post", "post-anonymous", "post-file", "post-image", "not-found"] {
            #expect(try html(Sample.named(file)).utf8.count <= 8 << 10, "\(file)")
        }
        for file in ["public", "inbox", "user"] {
            let page = try Sample.named(file)
            // A summary of 280 characters, of which two bytes is a usual middle.
            let items = try (page.values["items"]?.array ?? []).map { card in
                card.with("summary", .string(String(repeating: "ä", count: 280))).with(
                    "title", try #require(card["title"]))
            }
            let thirty = Page(page.name, page.values.with("items", .array((0..<30).map { items[$0 % items.count] })))
            #expect(try html(thirty).utf8.count <= 40 << 10, "\(file)")
        }
    }

    private static func matches(_ pattern: String, _ text: String) -> [String] {
        guard let expression = try? NSRegularExpression(pattern: pattern) else { return [] }
        let bridged = NSString(string: text)
        return expression.matches(in: text, range: NSRange(location: 0, length: bridged.length)).map {
            bridged.substring(with: $0.range(at: 1))
        }
    }
}
