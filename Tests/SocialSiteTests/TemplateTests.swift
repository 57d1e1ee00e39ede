// Templates: what they mean, and what is refused when they are read.

import JSON
import Social
import Testing

@testable import SocialSite

@Suite struct TemplateTests {
    private func rendered(_ source: String, _ values: JSONValue, _ others: [String: String] = [:]) throws -> String {
        var templates = ["page": try PageTemplate(name: "page", Array(source.utf8))]
        for (name, source) in others { templates[name] = try PageTemplate(name: name, Array(source.utf8)) }
        var writer = PageWriter(templates, [values])
        try writer.write("page")
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("{{a}} {{b.c}}", "<1>", "&lt;1&gt; x\n"),
        ("{{#b}}{{c}}{{a}}{{/b}}", "1", "x1\n"),
        ("{{#list}}[{{.}}]{{/list}}", "", "[p][q]\n"),
        ("{{#list?}}<ol>{{#list}}{{.}}{{/list}}</ol>{{/list?}}", "", "<ol>pq</ol>\n"),
        ("{{#none?}}{{.}}{{/none?}}{{#none}}{{.}}{{/none}}{{^none}}none{{/none}}", "", "none\n"),
        ("{{#a}}{{.}}{{/a}}{{^a}}no{{/a}}", "", "no\n"),
        ("{{#a}}{{a}}{{/a}}", "yes", "yes\n"),
        ("{{#yes}}a{{/yes}}{{^yes}}b{{/yes}}{{#no}}c{{/no}}{{^no}}d{{/no}}", "", "ad\n"),
        ("{{! nothing }}\n  {{#yes}}\n    <p>{{zero}}</p>\n  {{/yes}}\n", "", "<p>0</p>\n"),
        ("{{null}}{{html}}", "", "&lt;i&gt;\n"),
        ("{{{html}}}", "", "<i>\n"),
        ("<a href=\"{{a}}\">{{a}}</a>", "javascript:1", "<a href=\"#\">javascript:1</a>\n"),
        ("{{>other}}", "7", "(7)\n"),
    ])
    func means(_ source: String, _ a: String, _ expected: String) throws {
        let values: JSONValue = .object([
            "a": .string(a), "b": .object(["c": .string("x")]), "list": .strings(["p", "q"]), "none": .array([]),
            "yes": .bool(true), "no": .bool(false), "zero": .int(0), "null": .null, "html": .string("<i>"),
        ])
        #expect(try rendered(source, values, ["other": "({{a}})\n"]) == expected)
    }

    @Test(arguments: [
        "{{#a}}", "{{/a}}", "{{#a}}{{/b}}", "{{a", "{{}}", "{{{a}}}", "{{a b}}", "{{#a?}}{{/a}}", "{{A}}", "{{#}}{{/}}",
    ])
    func isRefused(_ source: String) {
        #expect(throws: PageFault.self) { try PageTemplate(name: "page", Array(source.utf8)) }
    }

    @Test func aTemplateThatHoldsItselfEnds() {
        #expect(throws: PageFault.malformed(template: "page", "it holds itself")) {
            try rendered("{{>page}}", .object([:]))
        }
        #expect(throws: PageFault.unknownTemplate("none")) { try rendered("{{>none}}", .object([:])) }
    }
}
