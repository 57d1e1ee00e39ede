// What is read of good feeds, and of those with the usual mistakes.

@testable import Feeds
import Testing
import World

@Suite struct FeedReaderTests {
    @Test func rssIsRead() throws {
        let feed = try read(Sample.rss)
        #expect(feed.title == "Salt & Sea")
        #expect(feed.summary == "Notes from an island")
        #expect(feed.home == "https://blog.example/")
        #expect(feed.selfLink == "https://blog.example/feeds/all.xml")
        #expect(feed.hub == "https://hub.example/")
        #expect(feed.timeToLive == .minutes(120))
        #expect(feed.items.count == 2)
        let first = feed.items[0]
        #expect(first.title == "First light")
        #expect(first.link == "https://blog.example/2024/first")
        #expect(first.id == "tag:blog.example,2024:1")
        #expect(first.author == "Ann")
        #expect(first.published == FeedDate.read("2024-10-06T06:49:37Z"))
        #expect(
            first.html == "<p>Long, with <a href=\"https://blog.example/2024/more\" "
                + "rel=\"nofollow noopener noreferrer\">more</a>.</p>")
        #expect(
            first.enclosures == [FeedEnclosure(url: "https://blog.example/a.mp3", type: "audio/mpeg", sizeBytes: 1_234)]
        )
        let second = feed.items[1]
        #expect(second.title == "")
        #expect(second.link == "https://blog.example/2024/second")
        #expect(second.author == "Ben")
        #expect(second.html == "<p>Only a text\u{A0}— here.</p>")
    }

    @Test func atomIsRead() throws {
        let feed = try read(Sample.atom)
        #expect(feed.title == "Salt & Sea")
        #expect(feed.home == "https://blog.example/")
        #expect(feed.selfLink == "https://blog.example/feeds/all.xml")
        let first = feed.items[0]
        #expect(first.link == "https://blog.example/atom/first")
        #expect(first.id == "urn:1")
        #expect(first.author == "Ben")
        #expect(first.published?.milliseconds == FeedDate.read("2024-10-06T06:49:37Z").map { $0.milliseconds + 250 })
        #expect(first.updated == FeedDate.read("2024-10-07T00:00:00Z"))
        #expect(
            first.html.hasPrefix("<p>One <b>bold</b> word, a &lt; b,") && first.html.contains("blog.example/atom/two"))
        #expect(!first.html.contains("evil"))
        #expect(first.enclosures.map(\.url) == ["https://blog.example/a.mp3"])
        #expect(feed.items[1].title == "a <b> c")
        #expect(feed.items[1].html.hasPrefix("<p>plain\n"))
    }

    @Test func olderFormatsAreRead() throws {
        let rdf = try read(Sample.rdf)
        #expect(rdf.title == "Old")
        #expect(rdf.items.map(\.link) == ["https://blog.example/1"])
        #expect(rdf.items[0].published == FeedDate.read("2003-05-02T10:00:00Z"))
        let atom = try read(
            """
            <feed version="0.3" xmlns="http://purl.org/atom/ns#">
            <title mode="escaped" type="text/html">A&lt;br&gt;B</title>
            <link rel="alternate" type="text/html" href="https://a.example/"/><tagline>T</tagline>
            <entry><title>E</title><id>i</id>
            <issued>2004-01-02T03:04:05Z</issued><modified>2004-01-03T00:00:00Z</modified>
            <content type="text/html" mode="escaped">&lt;p&gt;x</content></entry></feed>
            """)
        #expect(atom.title == "A B")
        #expect(atom.summary == "T")
        #expect(atom.items[0].html == "<p>x</p>")
        #expect(atom.items[0].published == FeedDate.read("2004-01-02T03:04:05Z"))
    }

    @Test func jsonFeedIsRead() throws {
        let feed = try read(Sample.json, contentType: "application/feed+json")
        #expect(feed.title == "Salt & Sea")
        #expect(feed.hub == "https://hub.example/")
        let first = feed.items[0]
        #expect(first.id == "7")
        #expect(first.link == "https://blog.example/first")
        #expect(first.html.contains("href=\"https://blog.example/two\""))
        #expect(first.author == "Ann")
        #expect(first.enclosures.map(\.sizeBytes) == [1_234])
        #expect(feed.items[1].html == "<p>a &lt; b\n</p><p>and more\n</p>")
        #expect(try failure(Array("{\"version\": \"2\"}".utf8)) == .notAFeed(feeds: []))
        #expect(try failure(Array("{\"version\": ".utf8)) == .malformed)
    }

    @Test func usualMistakesAreMended() throws {
        let feed = try read(
            """


            <?xml version="1.0"?>
            <rss><channel><title>Tom & Jerry &copy; R&D &bogus; &#150;</title>
            <link>https://a.example/?a=1&b=2</link><!-- a -- b -->
            <item><title>bell\u{7} end&#0;</title><link>https://a.example/x?y=1&amp;z=2</link>
            <description>a <b>bold</b> <br/> claim & more</description></item></channel></rss>
            """)
        #expect(feed.title == "Tom & Jerry © R&D &bogus; –")
        #expect(feed.home == "https://a.example/?a=1&b=2")
        #expect(feed.items[0].title == "bell end")
        #expect(feed.items[0].link == "https://a.example/x?y=1&z=2")
        #expect(feed.items[0].html == "<p>a <b>bold</b> <br> claim &amp; more</p>")
    }

    @Test func aPageNamesItsFeeds() throws {
        let page = """
            <!DOCTYPE html><html><head><title>Blog</title>
            <link rel="stylesheet" href="/a.css"><link rel="alternate" type="application/atom+xml" href="/feed.atom">
            <LINK REL='alternate' TYPE='application/rss+xml' HREF='https://b.example/rss'>
            <link rel="alternate" type="application/rss+xml" href="file:///etc/passwd">
            </head><body><link rel="alternate" type="application/rss+xml" href="/not-this"></body></html>
            """
        #expect(
            try failure(Array(page.utf8), contentType: "text/html")
                == .notAFeed(feeds: ["https://blog.example/feed.atom", "https://b.example/rss"]))
        let old = "<?xml version='1.0'?><!-- x --><html xmlns='http://www.w3.org/1999/xhtml'><br>" + page
        #expect(
            try failure(Array(old.utf8))
                == .notAFeed(feeds: ["https://blog.example/feed.atom", "https://b.example/rss"]))
        #expect(try failure(Array("just text".utf8)) == .notAFeed(feeds: []))
        #expect(try failure(Array("<svg xmlns='http://www.w3.org/2000/svg'/>".utf8)) == .notAFeed(feeds: []))
        #expect(try failure([]) == .empty)
        #expect(try failure([0x20, 0x0A]) == .empty)
    }

    @Test func itemsAndTextsHaveBounds() throws {
        let items = (0..<(Limits.feedItems + 20)).map { "<item><guid>\($0)</guid></item>" }.joined()
        #expect(try read("<rss><channel>\(items)</channel></rss>").items.count == Limits.feedItems)
        let long = String(repeating: "ä", count: Limits.feedTextBytes * 3 / 4)
        let feed = try read(
            "<rss><channel><title>\(long)</title><item><title>\(long)</title><guid>\(long)</guid>"
                + "<description>\(long)</description></item></channel></rss>")
        #expect(feed.title.utf8.count <= Limits.feedTitleBytes && feed.title.hasPrefix("ää"))
        #expect(feed.items[0].title.utf8.count <= Limits.feedTitleBytes)
        #expect(feed.items[0].id == nil)
        #expect(feed.items[0].html.utf8.count <= Limits.feedTextBytes + 64)
    }
}

@Suite struct EncodingTests {
    private static let text =
        "<?xml version=\"1.0\" encoding=\"LABEL\"?><rss><channel><title>Grüße – 北</title></channel></rss>"

    private func title(_ bytes: [UInt8], _ type: String = "text/xml") throws -> String {
        try FeedReader.read(bytes, contentType: type, from: try #require(FeedURL(Sample.url))).title
    }

    @Test func utf16IsRead() throws {
        let units = Array(EncodingTests.text.replacing("LABEL", with: "utf-16").utf16)
        let little = units.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let big = units.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        #expect(try title([0xFF, 0xFE] + little) == "Grüße – 北")
        #expect(try title([0xFE, 0xFF] + big) == "Grüße – 北")
        #expect(try title(little) == "Grüße – 北")
        #expect(try title(big, "text/xml; charset=iso-8859-1") == "Grüße – 北")
    }

    /// Labels are wrong more often than bytes look like UTF-8 by chance.
    @Test func whatIsUTF8IsReadAsSuch() throws {
        let bytes = Array(EncodingTests.text.replacing("LABEL", with: "iso-8859-1").utf8)
        #expect(try title(bytes) == "Grüße – 北")
        #expect(try title([0xEF, 0xBB, 0xBF] + bytes, "text/xml; charset=koi8-r") == "Grüße – 北")
    }

    @Test func labelsCountWhereBytesSayNothing() throws {
        func feed(_ label: String, _ title: [UInt8]) -> [UInt8] {
            Array("<?xml version='1.0' encoding='\(label)'?><rss><channel><title>".utf8) + title
                + Array("</title></channel></rss>".utf8)
        }
        #expect(try title(feed("windows-1251", [0xCF, 0xF0, 0xE8])) == "При")
        #expect(try title(feed("utf-8", [0xCF, 0xF0, 0xE8]), "text/xml; charset=\"windows-1251\"") == "При")
        #expect(try title(feed("Shift_JIS", [0x93, 0xFA, 0x96, 0x7B])) == "日本")
        #expect(try title(feed("iso-2022-jp", [0x1B, 0x24, 0x42, 0x46, 0x7C, 0x1B, 0x28, 0x42])) == "日")
        // No label, a Latin one, and one that nobody knows.
        #expect(try title(feed("iso-8859-1", [0x47, 0xFC, 0x96])) == "Gü–")
        #expect(try title(feed("klingon", [0x47, 0xFC])) == "Gü")
        #expect(try title(feed("utf-7", [0x47, 0xFC])) == "Gü")
        // Said to be UTF-8, and broken.
        #expect(try title(feed("utf-8", [0x47, 0xFC, 0x48])) == "G\u{FFFD}H")
        #expect(try title(feed("big5", [0xFF, 0xFF, 0x41])).hasSuffix("A"))
    }
}
