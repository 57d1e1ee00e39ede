// What people take along: all of it, under names that say what it is, in parts of a bounded size.

import Edge
import JSON
import Testing
import World

@testable import Social

struct ExportTests {
    /// The files of a tar, as whoever unpacks it sees them.
    private func files(_ reply: Reply) throws -> [(name: String, text: String)] {
        let bytes = Array(try #require(reply.json.string).utf8)
        var files: [(name: String, text: String)] = []
        var place = 0
        while place + 512 <= bytes.count, bytes[place] != 0 {
            let name = String(decoding: bytes[place..<(place + 100)].prefix { $0 != 0 }, as: UTF8.self)
            let octal = String(decoding: bytes[(place + 124)..<(place + 135)], as: UTF8.self)
            let size = try #require(Int(octal, radix: 8), "\(name)")
            #expect(bytes[place + 156] == UInt8(ascii: "0"))
            let start = place + 512
            try #require(start + size <= bytes.count, "\(name)")
            files.append((name, String(decoding: bytes[start..<(start + size)], as: UTF8.self)))
            place = start + (size + 511) / 512 * 512
        }
        #expect(bytes.count == place + 1_024)
        return files
    }

    private func edit(_ path: String, _ text: String, by person: Person, in world: inout FakeWorld) throws {
        // One replica that has not heard of the last edit would show an older state.
        world.run(for: .seconds(1))
        let context = try #require(try world.ask(.get, "/v1/posts/\(path)")?.header("atoll-context"))
        let fields = person.bearer + [("content-type", "text/markdown"), ("atoll-context", context)]
        #expect(try world.ask(.put, "/v1/posts/\(path)", fields, body: text)?.status == 200)
    }

    @Test func everyFileHasANameOfItsOwn() throws {
        var world = try FakeWorld(seed: 71)
        let ann = try Person.registered("ann", in: &world)
        let kinds = [
            ("Profile", "text/markdown", "about me"), ("Sketch", "image/svg+xml", "<svg/>"),
            ("Data", "application/json; charset=utf-8", "{}"), ("data.json", "application/geo+json", "[]"),
            ("Odd", "application/x-unheard-of", "?"), ("post.json", "text/csv", "a,b"),
        ]
        for (title, type, text) in kinds {
            let fields = ann.bearer + [("content-type", type)]
            #expect(try world.ask(.post, "/v1/posts?title=\(title)", fields, body: text)?.status == 201)
        }
        world.run(for: .seconds(5))
        try edit("ann/profile", "about me, again", by: ann, in: &world)
        let tar = try #require(try world.ask(.get, "/v1/export", at: 1, ann.bearer))
        #expect(tar.status == 200 && tar.header("link") == nil)
        let files = try files(tar)
        #expect(Set(files.map(\.name)).count == files.count)
        let expected = [
            "ann/profile.json", "ann/posts/profile/2.md", "ann/posts/profile/1.md", "ann/posts/sketch/1.svg",
            "ann/posts/data/1.json", "ann/posts/data.json/1.json", "ann/posts/odd/1.bin", "ann/posts/post.json/1.csv",
        ]
        let heads = kinds.map { "ann/posts/\($0.0.lowercased())/post.json" }
        #expect(Set(files.map(\.name)) == Set(expected + heads))
        let texts = Dictionary(uniqueKeysWithValues: files.map { ($0.name, $0.text) })
        #expect(texts["ann/posts/profile/2.md"] == "about me, again" && texts["ann/posts/profile/1.md"] == "about me")
        let profile = try JSONValue.decode(Array(try #require(texts["ann/profile.json"]).utf8))
        #expect(profile["name"]?.string == "ann")
    }

    /// A part ends between revisions, and the next goes on there.
    @Test func partsTogetherAreAll() throws {
        var world = try FakeWorld(seed: 72)
        let ann = try Person.registered("ann", in: &world)
        #expect(try ann.post("small", "small", in: &world)?.status == 201)
        #expect(try ann.post("large", "first", in: &world)?.status == 201)
        #expect(try ann.post("new", "new", in: &world)?.status == 201)
        world.run(for: .seconds(5))
        for number in 2...6 {
            try edit("ann/large", String(repeating: "\(number)", count: 6 << 20), by: ann, in: &world)
        }
        var parts: [[String]] = []
        var target: String? = "/v1/export"
        while let next = target, parts.count < 5 {
            let tar = try #require(try world.ask(.get, next, at: parts.count % 3, ann.bearer))
            #expect(tar.status == 200)
            let files = try files(tar)
            target = tar.header("link").map { String($0.dropFirst().prefix { $0 != ">" }) }
            if let target {
                #expect(files.last?.name == "ann/more.txt" && files.last?.text.contains(target) == true)
            }
            parts.append(files.map { $0.name.replacing("ann/", with: "").replacing("posts/", with: "") })
        }
        #expect(
            parts == [
                [
                    "profile.json", "new/post.json", "new/1.txt", "large/post.json", "large/6.md", "large/5.md",
                    "large/4.md", "more.txt",
                ],
                ["large/3.md", "large/2.md", "large/1.txt", "small/post.json", "small/1.txt"],
            ])
        for place in ["x", "listed", "listed.x.1", "elsewhere.0000000000000000.1", "listed.0000000000000000.-1"] {
            #expect(try world.ask(.get, "/v1/export?after=\(place)", ann.bearer)?.status == 400, "\(place)")
        }
    }
}
