// Entity tags and ranges as clients write them (RFC 9110, 13 and 14).

import Testing

@testable import Edge

@Suite struct ConditionsTests {
    private func head(_ fields: [(String, String)], _ method: RequestMethod = .get) -> RequestHead {
        var known = RequestFields()
        for (name, value) in fields { known.take(name, value) }
        return RequestHead(method, "/", known)
    }

    @Test(arguments: [
        (["\"a\""], true), (["W/\"a\""], true), (["\"b\", \"a\""], true), (["\"b\",W/\"a\""], true), (["*"], true),
        ([" * "], true), ([" , \"a\""], true), (["\"b\"", "\"a\""], true), (["\"b,c\" , \"a\""], true), ([], false),
        (["\"b\""], false), ([""], false), (["a"], false), (["\"a"], false), (["w/\"a\""], false),
        (["\"b,\"a\""], false), (["\"b\", *"], false), (["W/"], false), (["\"\u{E9}\""], false),
    ])
    func aTagIsKnown(lines: [String], isKnown: Bool) {
        #expect(Conditions.isKnown("\"a\"", to: head(lines.map { ("If-None-Match", $0) })) == isKnown, "\(lines)")
    }

    @Test(
        arguments: [
            ("bytes=0-3", .part(0..<4)), ("bytes=4-", .part(4..<10)), ("bytes=-3", .part(7..<10)),
            ("bytes=0-99", .part(0..<10)), ("bytes=-99", .part(0..<10)), ("bytes=9-9", .part(9..<10)),
            ("BYTES = 0-0", .part(0..<1)), ("bytes=0-99999999999999999999", .part(0..<10)), ("bytes=10-", .beyond),
            ("bytes=10-20", .beyond), ("bytes=-0", .beyond), ("bytes=99999999999999999999-", .beyond),
            ("bytes=3-2", .all), ("bytes=", .all), ("bytes=-", .all), ("bytes=a-b", .all), ("bytes=0-1,3-4", .all),
            ("items=0-3", .all), ("bytes=0-3-4", .all), ("bytes", .all), ("bytes=+1-2", .all), ("", .all),
        ] as [(String, AskedRange)])
    func aRangeIsAsked(text: String, range: AskedRange) {
        let head = head([("Range", text)])
        #expect(AskedRange(head, tag: "\"a\"", count: 10) == range, "\(text)")
    }

    @Test func whatDoesNotHoldIsAskedForWhole() {
        let some = ("Range", "bytes=0-3")
        for (fields, isPart) in [
            ([some, ("If-Range", "\"a\"")], true), ([some, ("If-Range", "\"b\"")], false),
            ([some, ("If-Range", "W/\"a\"")], false),
            ([some, ("If-Range", "Sat, 28 Nov 2026 05:00:00 GMT")], false), ([some, some], false), ([], false),
        ] {
            let range = AskedRange(head(fields), tag: "\"a\"", count: 10)
            #expect(range == (isPart ? .part(0..<4) : .all), "\(fields)")
        }
        #expect(AskedRange(head([some], .head), tag: "\"a\"", count: 10) == .all)
    }
}
