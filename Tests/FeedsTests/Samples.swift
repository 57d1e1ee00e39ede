// Feeds as they are found in the wild, one of each kind, and how tests read them.

import Feeds
import Testing
import World

enum Sample {
    static let url = "https://blog.example/feeds/all.xml"

    static let rss = """
        <?xml version="1.0" encoding="UTF-8"?>
        <rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
          xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
        <channel>
          <title>Salt &amp; Sea</title>
          <link>https://blog.example/</link>
          <atom:link rel="self" href="https://blog.example/feeds/all.xml"/>
          <atom:link rel="hub" href="https://hub.example/"/>
          <description>Notes from an island</description>
          <ttl>120</ttl>
          <image><title>Logo</title><link>https://other.example/</link></image>
          <item>
            <title>First &lt;i&gt;light&lt;/i&gt;</title>
            <link>/2024/first</link>
            <guid isPermaLink="false">tag:blog.example,2024:1</guid>
            <dc:creator>Ann</dc:creator>
            <pubDate>Sun, 06 Oct 2024 08:49:37 +0200</pubDate>
            <description>Short.</description>
            <content:encoded><![CDATA[<p>Long, with <a href="more">more</a>.<script>alert(1)</script></p>]]></content:encoded>
            <enclosure url="https://blog.example/a.mp3" length="1234" type="audio/mpeg"/>
          </item>
          <item>
            <guid>https://blog.example/2024/second</guid>
            <author>ben@blog.example (Ben)</author>
            <description>&lt;p&gt;Only a text&nbsp;&mdash; here.</description>
          </item>
        </channel></rss>
        """

    static let atom = """
        <?xml version="1.0" encoding="utf-8"?>
        <feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example/atom/">
          <title type="html">Salt &amp;amp; Sea</title>
          <link href="https://blog.example/"/>
          <link rel="self" href="https://blog.example/feeds/all.xml"/>
          <id>urn:uuid:60a76c80</id>
          <updated>2024-10-07T00:00:00Z</updated>
          <author><name>Ann</name></author>
          <entry>
            <title>First</title>
            <link rel="alternate" type="text/html" href="first"/>
            <link rel="enclosure" type="audio/mpeg" length="1234" href="/a.mp3"/>
            <id>urn:1</id>
            <published>2024-10-06T08:49:37.250+02:00</published>
            <updated>2024-10-07T00:00:00Z</updated>
            <author><name>Ben</name><email>ben@blog.example</email></author>
            <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">One <b>bold</b> word, a &lt; b,
              <a href="two" onclick="evil()">two</a></div></content>
          </entry>
          <entry>
            <title type="text">a &lt;b&gt; c</title>
            <id>urn:2</id>
            <summary>plain
            text</summary>
          </entry>
        </feed>
        """

    static let json = """
        {"version": "https://jsonfeed.org/version/1.1", "title": "Salt & Sea", "home_page_url": "https://blog.example/",
         "feed_url": "https://blog.example/feeds/all.xml", "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
         "items": [
          {"id": 7, "url": "/first", "title": "First", "content_html": "<p>One <a href='two'>two</a>",
           "date_published": "2024-10-06T08:49:37+02:00", "authors": [{"name": "Ann"}],
           "attachments": [{"url": "a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 1234}]},
          {"id": "x", "content_text": "a < b\\n\\nand more"}]}
        """

    static let rdf = """
        <?xml version="1.0" encoding="iso-8859-1"?>
        <!DOCTYPE rdf:RDF PUBLIC "-//W3C//DTD" "http://www.w3.org/nothing.dtd">
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
          xmlns:dc="http://purl.org/dc/elements/1.1/">
        <channel rdf:about="https://blog.example/"><title>Old</title><link>https://blog.example/</link></channel>
        <item rdf:about="https://blog.example/1"><title>One</title><link>https://blog.example/1</link>
          <dc:date>2003-05-02T10:00+00:00</dc:date></item>
        </rdf:RDF>
        """
}

func read(
    _ text: String, contentType: String = "text/xml", from url: String = Sample.url
) throws -> FeedDocument {
    try FeedReader.read(Array(text.utf8), contentType: contentType, from: try #require(FeedURL(url)))
}

/// What is told of a document that is not taken.
func failure(_ bytes: [UInt8], contentType: String = "text/xml") throws -> FeedFailure? {
    let url = try #require(FeedURL(Sample.url))
    do {
        _ = try FeedReader.read(bytes, contentType: contentType, from: url)
        return nil
    } catch { return error }
}
