// The TOML reader: what the language allows, what it forbids, and where the complaint points.

import Testing

@testable import Ring
@testable import RingFile

@Suite struct TOMLTests {
    /// A canonical rendering, for comparison.
    private func show(_ node: TOMLNode.Value) -> String {
        switch node {
        case .string(let s): "\"\(s)\""
        case .integer(let i): "\(i)"
        case .float(let f): "\(f)"
        case .boolean(let b): "\(b)"
        case .date(let d): "<\(d)>"
        case .array(let a): "[" + a.map { show($0.value) }.joined(separator: ",") + "]"
        case .tables(let t): "[" + t.map { show(.table($0)) }.joined(separator: ",") + "]"
        case .table(let t): "{" + t.entries.map { "\($0.key)=\(show($0.node.value))" }.joined(separator: ",") + "}"
        }
    }

    @Test(
        arguments: [
            ("a = 1 # c\r\nb = -0x", nil),
            ("a = +1_000\nb = 0xFF\nc = 0o17\nd = 0b101\ne = 0", "{a=1000,b=255,c=15,d=5,e=0}"),
            ("a = 1.5\nb = -2e3\nc = 6.02_2E+2\nd = inf\ne = -inf", "{a=1.5,b=-2000.0,c=602.2,d=inf,e=-inf}"),
            ("a = true\nb=false", "{a=true,b=false}"),
            (
                "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00\nc = 07:32:00",
                "{a=<1979-05-27T07:32:00Z>,b=<1979-05-27 07:32:00>,c=<07:32:00>}"
            ),
            (#"a = "x\ty\"\\\u00e9\U0001F30A""#, "{a=\"x\ty\"\\é🌊\"}"),
            (#"a = 'C:\no\escape'"#, #"{a="C:\no\escape"}"#),
            ("a = \"\"\"\none\\\n   two\"\"\"\"", "{a=\"onetwo\"\"}"),
            ("a = '''\nit's'''", "{a=\"it's\"}"),
            ("a = ''", "{a=\"\"}"),
            ("a = [ 1, # one\n 2,\n ]\nb = [[], ['x']]", "{a=[1,2],b=[[],[\"x\"]]}"),
            ("a = { b = 1, c.d = 2, c.e = {} }", "{a={b=1,c={d=2,e={}}}}"),
            ("[a.b]\nx = 1\n[a]\ny = 2", "{a={b={x=1},y=2}}"),
            ("[[n]]\nid=1\n[n.sub]\nx=1\n[[n]]\nid=2", "{n=[{id=1,sub={x=1}},{id=2}]}"),
            ("a.b = 1\na.c = 2\n\"a b\".'c' = 3", "{a={b=1,c=2},a b={c=3}}"),
            ("[ a . \"b\" ]\n", "{a={b={}}}"),
            ("", "{}"), ("\u{FEFF}", "{}"), ("\u{FEFF}a = 1", "{a=1}"), ("a = 1\n\u{FEFF}b = 2", nil),
            ("\u{FEFF}\u{FEFF}a = 1", nil),
            ("a = 1\na = 2", nil), ("[a]\n[a]", nil), ("a = 1\n[a]", nil), ("a.b = 1\n[a]", nil),
            ("[a]\nb = 1\n[a.b]", nil), ("a = {}\n[a.b]", nil), ("a = []\n[[a]]", nil), ("[[a]]\n[a]", nil),
            ("[a.b.c]\nz = 9\n[a]\nb.c.t = 1", nil), ("a = { b = 1, }", nil), ("a = { b = 1\n}", nil),
            ("a = 01", nil), ("a = 1__0", nil), ("a = _1", nil), ("a = 1.", nil), ("a = .5", nil), ("a = 0xG", nil),
            ("a = 9223372036854775808", nil), ("a = yes", nil), ("a = \"x", nil), ("a = \"x\ny\"", nil),
            ("a = \"\\q\"", nil), ("a = \"\\ud800\"", nil), ("a = \"\\u0000\\U00000000\"", "{a=\"\u{0}\u{0}\"}"),
            ("a = 'x\u{1}'", nil),
            ("# \u{7}", nil), ("a = 1 b = 2", nil), ("a", nil), ("= 1", nil), ("[a", nil), ("[[a]", nil), ("[]", nil),
            ("a = [1 2]", nil), ("a = [1", nil), ("a. = 1", nil), ("a = 1\rb = 2", nil), ("\"\"\"k\"\"\" = 1", nil),
        ] as [(String, String?)])
    func readsTheLanguage(text: String, expected: String?) throws {
        if let expected {
            #expect(show(.table(try TOMLParser.parse(text))) == expected)
        } else {
            #expect(throws: TOMLError.self) { try TOMLParser.parse(text) }
        }
    }

    @Test func nestingIsBounded() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: TOMLError.self) { try TOMLParser.parse("a = " + deep) }
        #expect(throws: TOMLError.self) {
            try TOMLParser.parse(String(repeating: "a.", count: 10_000) + "a = 1")
        }
        #expect(throws: TOMLError.self) { try TOMLParser.parse("a = " + String(repeating: "{a=", count: 10_000)) }
    }

    @Test func positionsCountCharacters() throws {
        let table = try TOMLParser.parse("x = 'é'\n\t\"ü\" = [ 'é', 7 ]\n")
        let entry = try #require(table["ü"])
        #expect(entry.keyPosition == TextPosition(line: 2, column: 2))
        guard case .array(let elements) = entry.node.value else { return #expect(Bool(false)) }
        #expect(elements[1].position == TextPosition(line: 2, column: 15))
        do {
            _ = try TOMLParser.parse("a = 'é' é")
            #expect(Bool(false))
        } catch { #expect(error.position == TextPosition(line: 1, column: 9)) }
    }
}
