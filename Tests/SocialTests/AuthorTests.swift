// Who is taken for whom: sessions that are over, and names that were meant.

import Edge
import JSON
import Testing
import World

@testable import Social

@Suite struct AuthorTests {
    private let text = [("content-type", "text/plain")]

    /// What was written as somebody is posted as that one, or not at all.
    @Test func whoseSessionIsOverIsNotNobody() throws {
        var world = try FakeWorld(seed: 31)
        let ann = try Person.registered("ann", in: &world)
        let dead = [
            [("authorization", "Bearer 00")], [("authorization", "Basic 00")],
            [("cookie", "atoll=00"), ("sec-fetch-site", "same-origin")],
        ]
        for fields in dead {
            for target in ["/v1/posts", "/v1/posts?title=Private", "/v1/posts?slug=blue-umbrella"] {
                let answer = try world.ask(.post, target, text + fields, body: "thoughts")
                #expect(answer?.json["type"]?.string == "/problems/not-logged-in", "\(fields) \(target)")
            }
        }
        for target in ["/v1/posts?title=Private", "/v1/posts?as=ann"] {
            #expect(try world.ask(.post, target, text, body: "thoughts")?.status == 401, "\(target)")
        }
        #expect(try world.ask(.post, "/v1/posts?as=ben", text + ann.bearer, body: "thoughts")?.status == 401)
        #expect(try world.ask(.post, "/v1/posts?as=ann&title=Private", text + ann.bearer, body: "t")?.status == 201)
        #expect(try world.ask(.post, "/v1/posts", text, body: "by nobody")?.status == 201)
        let page = [("cookie", "atoll=00"), ("sec-fetch-site", "same-origin"), ("accept", "text/html")]
        let form = "text=thoughts&as=ann&title=Private"
        let fields = page + [("content-type", "application/x-www-form-urlencoded")]
        #expect(try world.ask(.post, "/-/write", fields, body: form)?.status == 401)
        world.run(for: .seconds(5))
        #expect(try world.ask(.get, "/v1/timelines/public")?.json["items"]?.array?.count == 2)
    }

    @Test(arguments: ["slug=x&title=T", "slug=x&anonymous=false", "anonymous=true&title=T"])
    func nothingThatWasSaidIsDropped(query: String) throws {
        var world = try FakeWorld(seed: 32)
        let ann = try Person.registered("ann", in: &world)
        let answer = try world.ask(.post, "/v1/posts?\(query)", text + ann.bearer, body: "text")
        #expect(answer?.json["type"]?.string == "/problems/malformed")
    }
}
