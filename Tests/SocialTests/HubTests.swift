// Hubs of feeds: asked once, confirmed, and heeded no more than once a minute.

import Feeds
import JSON
import Testing
import World

@testable import Edge
@testable import Social

@Suite struct HubTests {
    private static let question =
        "?hub.mode=subscribe&hub.topic=https%3A%2F%2Fsea.example%2Ffeed&hub.challenge=c%3Cb%3E1&hub.lease_seconds=86400"

    /// What a world was asked to fetch, a document each time, and a form that is taken.
    private final class Asked {
        var urls: [String] = []
        var forms: [String] = []
    }

    private func world(_ origin: String?, _ asked: Asked) throws -> (FakeWorld, Person, id: String) {
        var world = try FakeWorld(seed: 21, origin: origin)
        let ann = try Person.registered("ann", in: &world)
        var document = FeedDocument(title: "Sea", home: "https://sea.example/", selfLink: "https://sea.example/feed")
        document.hub = "https://hub.example/"
        world.fetch = { job in
            if let form = job.form {
                asked.forms.append(job.url + " " + String(decoding: form, as: UTF8.self))
                return .accepted
            }
            asked.urls.append(job.url)
            return .document(document, FetchHead(finalURL: job.url))
        }
        let added = try #require(
            try world.ask(.post, "/v1/feeds", ann.bearer, body: #"{"url":"https://sea.example/feed"}"#))
        let source = try #require(added.json["source"]?.string)
        return (world, ann, String(source.dropFirst("feed:".count)))
    }

    @Test func aHubIsAskedConfirmedAndHeeded() throws {
        let asked = Asked()
        var (world, _, id) = try world("https://islands.example", asked)
        // Nobody was asked yet.
        #expect(try world.ask(.get, "/-/hub/\(id)" + HubTests.question)?.status == 404)
        #expect(try world.ask(.post, "/-/hub/\(id)", at: 1)?.status == 404)
        world.run(for: .minutes(80))
        let polls = asked.urls.count
        #expect(polls >= 2)
        #expect(asked.forms.count == 1)
        #expect(asked.forms.first?.hasPrefix("https://hub.example/ hub.mode=subscribe&") == true)
        #expect(asked.forms.first?.contains("hub.topic=https%3A%2F%2Fsea.example%2Ffeed&") == true)
        #expect(asked.forms.first?.contains("hub.callback=https%3A%2F%2Fislands.example%2F-%2Fhub%2F\(id)&") == true)
        // For another feed, or another purpose, nothing is confirmed.
        let other = HubTests.question.replacing("sea.example", with: "evil.example")
        #expect(try world.ask(.get, "/-/hub/\(id)" + other)?.status == 404)
        let leave = HubTests.question.replacing("mode=subscribe", with: "mode=unsubscribe")
        #expect(try world.ask(.get, "/-/hub/\(id)" + leave)?.status == 404)
        #expect(try world.ask(.post, "/-/hub/\(id)")?.status == 404)
        let answer = try #require(try world.ask(.get, "/-/hub/\(id)" + HubTests.question, at: 2))
        #expect(answer.status == 200 && answer.json.string == "c<b>1")
        #expect(answer.header("content-type") == "text/plain; charset=utf-8")
        #expect(answer.header("x-content-type-options") == "nosniff")
        // News, of any type, from any node: one poll, whoever says it how often.
        let before = asked.urls.count
        world.run(for: .minutes(2))
        for node in [0, 1, 2, 0, 1] {
            let told = try world.ask(
                .post, "/-/hub/\(id)", at: node, [("content-type", "application/json")], body: "[not a form}")
            #expect(told?.status == 202)
        }
        world.run(for: .seconds(20))
        #expect(asked.urls.count == before + 1)
        #expect(asked.forms.count == 1)
    }

    /// Where hubs could not call, or anybody could listen, they are not asked.
    @Test(arguments: [nil, "http://islands.example"]) func withoutTLSNoHubIsAsked(_ origin: String?) throws {
        let asked = Asked()
        var (world, _, _) = try world(origin, asked)
        world.run(for: .minutes(80))
        #expect(asked.urls.count >= 2 && asked.forms.isEmpty)
    }
}
