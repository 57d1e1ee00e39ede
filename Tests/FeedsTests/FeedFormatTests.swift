// The feeds that we write: what is read of them again is what was written, and other people's readers take them.

import Feeds
import Foundation
import JSON
import Testing
import World

@Suite struct FeedFormatTests {
    static func sample() -> FeedDocument {
        var feed = FeedDocument(
            title: "Ann's & Ben's <notes>", home: "https://islands.example/ann/",
            selfLink: "https://islands.example/ann/feed.xml")
        feed.summary = "What happens \"here\""
        var first = FeedItem(
            id: "https://islands.example/ann/first/", link: "https://islands.example/ann/first/", title: "First & best",
            html:
                "<p>One <b>bold</b> &amp; <a href=\"https://o.example/\" rel=\"nofollow noopener noreferrer\">link</a></p>"
        )
        first.author = "Ann"
        first.published = WallTime(milliseconds: 1_700_000_000_000)
        first.updated = WallTime(milliseconds: 1_700_000_100_000)
        first.enclosures = [FeedEnclosure(url: "https://islands.example/a.png", type: "image/png", sizeBytes: 12)]
        var second = FeedItem(id: "urn:second", link: nil, title: "", html: "<p>北 🌊</p>")
        second.published = WallTime(milliseconds: 1_600_000_000_000)
        feed.items = [first, second]
        return feed
    }

    /// What the three formats have in common: RSS has one time and one enclosure, and knows no numbers below a second.
    static func random(_ random: inout SeededRandom) -> FeedDocument {
        let words = ["salt", "sea", "“quoted”", "R & D", "1 > 0", "café", "北", "a\"b", "it's", "🌊"]
        func text(_ most: Int) -> String {
            (0..<Int.random(in: 1...most, using: &random)).map { _ in
                words[Int.random(in: 0..<words.count, using: &random)]
            }.joined(separator: " ")
        }
        var feed = FeedDocument(title: text(3), home: "https://a.example/", selfLink: "https://a.example/feed")
        feed.summary = text(5)
        for number in 0..<Int.random(in: 0...5, using: &random) {
            let link = "https://a.example/\(number)?a=1&b=\(number)"
            var item = FeedItem(id: Bool.random(using: &random) ? link : "urn:x:\(number)", link: link, title: text(4))
            if Bool.random(using: &random) { item.author = text(2) }
            item.published = WallTime(milliseconds: UInt64.random(in: 0...4_000_000_000, using: &random) * 1_000)
            item.html = String(
                decoding: ForeignHTML.clean(Array("<p>\(text(9))<ul><li>\(text(2))<pre>x\n y</pre>".utf8)),
                as: UTF8.self)
            if Bool.random(using: &random) {
                item.enclosures = [FeedEnclosure(url: link, type: "audio/mpeg", sizeBytes: number + 1)]
            }
            feed.items.append(item)
        }
        return feed
    }

    @Test(arguments: FeedFormat.allCases) func whatIsWrittenIsReadAgain(_ format: FeedFormat) throws {
        var random = SeededRandom(seed: 9)
        for _ in 0..<300 {
            let feed = FeedFormatTests.random(&random)
            let bytes = format.write(feed)
            #expect(bytes == format.write(feed))
            var back = try FeedReader.read(
                bytes, contentType: format.contentType, from: try #require(FeedURL("https://a.example/feed")))
            for at in back.items.indices where format == .atom {
                // Atom wants a time of change, and an author.
                #expect(back.items[at].updated == feed.items[at].published)
                back.items[at].updated = nil
            }
            #expect(back == feed)
        }
    }

    @Test func charactersThatXMLHasNoPlaceForAreLeftOut() throws {
        var feed = FeedFormatTests.sample()
        feed.title = "a\u{0}b\u{1B}c\u{FFFE}d\re"
        for format in FeedFormat.allCases {
            let bytes = format.write(feed)
            let back = try FeedReader.read(
                bytes, contentType: format.contentType, from: try #require(FeedURL("https://a.example/feed")))
            #expect(back.title.hasPrefix("a"), "\(format)")
        }
    }

    @Test func anEmptyFeedIsOne() throws {
        let feed = FeedDocument(title: "T", home: "https://a.example/", selfLink: "https://a.example/feed")
        for format in FeedFormat.allCases {
            let bytes = format.write(feed)
            #expect(try failure(bytes) == nil)
        }
    }

    /// Python's feedparser, which most of the world's scripts read feeds with.
    @Test(.enabled(if: FeedParser.isThere, "python3-feedparser is not installed: scripts/dependencies.sh test"))
    func feedparserTakesThem() throws {
        for format in [FeedFormat.rss, .atom] {
            let found = try FeedParser.parse(format.write(FeedFormatTests.sample()))
            #expect(found["bozo"]?.int == 0, "\(found["problem"]?.string ?? "")")
            #expect(found["version"]?.string == (format == .rss ? "rss20" : "atom10"))
            #expect(found["title"]?.string == "Ann's & Ben's <notes>")
            #expect(found["link"]?.string == "https://islands.example/ann/")
            let entries = found["entries"]?.array ?? []
            try #require(entries.count == 2)
            #expect(entries[0]["title"]?.string == "First & best")
            #expect(entries[0]["id"]?.string == "https://islands.example/ann/first/")
            #expect(entries[0]["author"]?.string == "Ann")
            #expect(entries[0]["published"]?.int == 1_700_000_000)
            #expect(entries[0]["content"]?.string?.contains("<b>bold</b>") == true)
            #expect(entries[0]["enclosure"]?.string == "https://islands.example/a.png")
            #expect(entries[1]["content"]?.string?.contains("北 🌊") == true)
        }
    }
}

private enum FeedParser {
    private static let script = """
        import sys, json, calendar, feedparser
        d = feedparser.parse(sys.stdin.buffer.read())
        def body(e): return e.content[0].value if 'content' in e else e.get('summary', '')
        print(json.dumps({'bozo': int(d.bozo), 'problem': str(d.get('bozo_exception', '')), 'version': d.version,
            'title': d.feed.get('title'), 'link': d.feed.get('link'), 'entries': [{
                'title': e.get('title'), 'id': e.get('id'), 'author': e.get('author'), 'content': body(e),
                'published': calendar.timegm(e.published_parsed) if e.get('published_parsed') else None,
                'enclosure': next((l.href for l in e.get('links', []) if l.get('rel') == 'enclosure'), None)}
            for e in d.entries]}))
        """

    static let isThere = (try? run(["-c", "import feedparser"], [])) != nil

    static func parse(_ feed: [UInt8]) throws -> JSONValue { try JSONValue.decode(try run(["-c", script], feed)) }

    private struct Failed: Error {}

    private static func run(_ arguments: [String], _ input: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = FileHandle.nullDevice
        try process.run()
        // What is written here fits a pipe.
        try stdin.fileHandleForWriting.write(contentsOf: Data(input))
        try stdin.fileHandleForWriting.close()
        let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed() }
        return Array(output)
    }
}
