// People's Markdown as HTML that a page may hold as it is (CMarkdown says what is left of it).

import CMarkdown
import World

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

enum Markdown {
    /// Nil if it is larger than is made HTML, or would become too large or too deep.
    static func html(_ text: [UInt8]) -> [UInt8]? {
        guard text.count <= Limits.markdownBytes, imageCount(text) <= Limits.markdownImages else { return nil }
        var length = 0
        let html = text.withUnsafeBufferPointer { text in
            text.withMemoryRebound(to: CChar.self) { text in
                atoll_markdown_html(
                    text.baseAddress, text.count, Limits.markdownMemoryBytes, Int32(Limits.markdownDepth), &length)
            }
        }
        guard let html else { return nil }
        defer { free(html) }
        return disowned(UnsafeRawBufferPointer(start: html, count: length))
    }

    /// What may begin one.
    private static func imageCount(_ text: [UInt8]) -> Int {
        zip(text, text.dropFirst()).count { $0 == (UInt8(ascii: "!"), UInt8(ascii: "[")) }
    }

    /// What stands behind a link is no recommendation of this site. Whatever else would begin like one is escaped.
    private static func disowned(_ html: UnsafeRawBufferPointer) -> [UInt8] {
        let link = Array(#"<a href=""#.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(html.count + html.count / 8)
        var start = 0
        for place in html.indices where html[place] == link[0] && html[place...].starts(with: link) {
            bytes += html[start..<place]
            bytes += #"<a rel="nofollow ugc" href=""#.utf8
            start = place + link.count
        }
        bytes += html[start...]
        return bytes
    }
}
