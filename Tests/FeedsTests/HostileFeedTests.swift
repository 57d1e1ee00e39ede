// Documents that were made to harm their readers.

import Feeds
import Testing
import World

@Suite struct HostileFeedTests {
    private static let laughs = """
        <?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
        <!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
        <!ENTITY lol2 "&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;">]>
        <rss><channel><title>&lol2;</title></channel></rss>
        """
    private static let file = """
        <?xml version="1.0"?><!DOCTYPE rss [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>
        <rss><channel><title>&xxe;</title></channel></rss>
        """
    private static let parameter = """
        <!DOCTYPE rss [<!ENTITY % p SYSTEM "http://169.254.169.254/x.dtd"> %p;]>
        <rss><channel><title>t</title></channel></rss>
        """

    @Test func entitiesEndTheDocument() throws {
        for text in [HostileFeedTests.laughs, HostileFeedTests.file, HostileFeedTests.parameter] {
            #expect(try failure(Array(text.utf8)) == .entities)
            let little = text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
            let big = text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
            #expect(try failure([0xFF, 0xFE] + little) == .entities)
            #expect(try failure([0xFE, 0xFF] + big) == .entities)
            #expect(try failure(little) == .entities)
        }
    }

    /// The document type is passed over: what it names is not loaded, and what would be declared there stays unknown.
    @Test func anExternalDocumentTypeIsNotLoaded() throws {
        let feed = try read(
            """
            <!DOCTYPE rss SYSTEM "file:///etc/passwd"><rss><channel><title>a &xxe; b</title></channel></rss>
            """)
        #expect(feed.title == "a &xxe; b")
    }

    @Test func inclusionsAreText() throws {
        let feed = try read(
            """
            <?xml-stylesheet href="file:///etc/passwd"?>
            <rss xmlns:xi="http://www.w3.org/2001/XInclude"><channel><title>t</title>
            <item><description><xi:include href="file:///etc/passwd" parse="text"/>x</description></item></channel></rss>
            """)
        #expect(feed.items[0].html == "<p>x</p>")
    }

    @Test func depthIsBounded() throws {
        let depth = 100_000
        let text = "<rss><channel>" + String(repeating: "<a>", count: depth)
        #expect(try failure(Array(text.utf8)) == .excessive)
        let content = String(repeating: "&lt;blockquote&gt;", count: 10_000) + "deep"
        let feed = try read("<rss><channel><item><description>\(content)</description></item></channel></rss>")
        #expect(feed.items[0].html.contains("deep"))
        #expect(feed.items[0].html.utf8.count < 1_000)
    }

    @Test func elementsAreBounded() throws {
        let text = "<rss><channel>" + String(repeating: "<a/>", count: Limits.feedElements) + "</channel></rss>"
        #expect(try failure(Array(text.utf8)) == .excessive)
    }

    /// Names of attributes are compared with each other: a tag that fills the document would take minutes.
    @Test func attributesAreBounded() throws {
        let many = (0..<200_000).map { " a\($0)=''" }.joined()
        let start = ContinuousClock.now
        #expect(try failure(Array("<rss\(many)/>".utf8)) == .excessive)
        let prefixes = (0..<200).map { " xmlns:p\($0)='urn:\($0)'" }.joined()
        #expect(try failure(Array("<rss><a\(prefixes)><b\(prefixes)/></a></rss>".utf8)) == .excessive)
        // One after the other is another matter.
        let rows = String(repeating: "<a\(prefixes)/>", count: 10)
        #expect(try failure(Array("<rss><channel>\(rows)</channel></rss>".utf8)) == nil)
        let huge = String(repeating: "x", count: Limits.feedBytes - 100)
        #expect(try failure(Array("<rss><channel a='\(huge)'/></rss>".utf8)) == nil)
        #expect(ContinuousClock.now - start < .seconds(120))
    }

    @Test func sizeIsBounded() throws {
        let blank = [UInt8](repeating: 0x20, count: Limits.feedBytes + 1)
        #expect(try failure(blank) == .tooLarge)
    }

    /// What breaks off is no feed, wherever it does.
    @Test(arguments: [Sample.rss, Sample.atom, Sample.rdf, Sample.json])
    func aTruncatedDocumentIsNone(_ text: String) throws {
        let bytes = Array(text.utf8)
        for count in 0..<(bytes.count - 1) {
            let found = try failure(Array(bytes[..<count]))
            #expect(found != nil, "cut at \(count)")
        }
        #expect(try failure(bytes) == nil)
    }

    @Test func whatDoesNotCloseIsNone() throws {
        for text in [
            "<rss><channel></rss></channel>", "<rss><channel></channel></rss><rss/>", "<rss><channel><title",
            "<rss><![CDATA[", "<rss><!--", "<rss a='", "<rss a=b></rss>", "<rss a='1' a='2'></rss>", "<", "<?xml",
            "<!DOCTYPE", "<rss></rss", "<x:rss></x:rss>x",
        ] {
            #expect(try failure(Array(text.utf8)) != nil, "\(text)")
        }
    }

    /// Whatever happens to the bytes of a good feed, the answer is a document or a failure, in short time, and what is
    /// kept of it is safe and within its bounds.
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func mutatedFeedsHarmNobody(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let samples = [Sample.rss, Sample.atom, Sample.rdf, Sample.json, HostileFeedTests.laughs].map { Array($0.utf8) }
        let pieces = [
            "<![CDATA[", "]]>", "<!--", "-->", "<item>", "</item>", "<entry>", "&#x0;", "&amp;", "\"", "'", "<?", "?>",
            "xmlns:a='b'", "<!DOCTYPE x [", "&lt;script&gt;", "\u{0}", "\u{FEFF}", "{", "}", "[", "]", "<a href=",
        ].map { Array($0.utf8) }
        let url = try #require(FeedURL(Sample.url))
        var (good, bad) = (0, 0)
        let start = ContinuousClock.now
        for _ in 0..<800 {
            var bytes = samples[Int.random(in: 0..<samples.count, using: &random)]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...40, using: &random)))
                case 2: bytes.insert(contentsOf: pieces[Int.random(in: 0..<pieces.count, using: &random)], at: at)
                case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 200)], at: at)
                default: bytes.swapAt(at, Int.random(in: 0..<bytes.count, using: &random))
                }
                if bytes.isEmpty { bytes = [0x3C] }
            }
            do {
                let feed = try FeedReader.read(bytes, contentType: "text/xml", from: url)
                good += 1
                for item in feed.items { try SafeHTMLCheck.check(item.html) }
            } catch is FeedFailure { bad += 1 }
        }
        #expect(good > 50 && bad > 50, "\(good) \(bad)")
        #expect(ContinuousClock.now - start < .seconds(120))
    }
}
