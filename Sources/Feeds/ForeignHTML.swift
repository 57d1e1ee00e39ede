// HTML of strangers, written anew: twenty elements, links to the web, and text. Nothing of the original passes through:
// each tag, each attribute and each character is written here.

import World

/// The elements that are written.
enum SafeElement: String, CaseIterable {
    case p, br, hr, a, b, i, em, strong, s, code, pre, blockquote, ul, ol, li, h2, h3, h4, sub, sup

    /// What holds other blocks.
    var isContainer: Bool { [.blockquote, .ul, .ol, .li].contains(self) }
    var isList: Bool { self == .ul || self == .ol }
    /// What holds text, and no blocks.
    var isTextBlock: Bool { [.p, .pre, .h2, .h3, .h4].contains(self) }
    var isVoid: Bool { self == .br || self == .hr }
    var isInline: Bool { !isContainer && !isTextBlock && !isVoid }
}

package enum ForeignHTML {
    /// Balanced HTML that may stand in any page, of at most about `Limits.feedTextBytes`. Written anew once more it
    /// stays the same.
    /// - base: where the document lies; links without a host lead nowhere without it.
    package static func clean(_ html: [UInt8], base: FeedURL? = nil) -> [UInt8] {
        var writer = SafeHTMLWriter(base: base)
        var tokenizer = HTMLTokenizer(html)
        while !writer.isFull, let piece = tokenizer.next() {
            switch piece {
            case .text(let text): writer.text(text)
            case .open(let tag): writer.open(tag)
            case .close(let name): writer.close(name)
            }
        }
        return writer.finish()
    }

    /// The text alone, on one line, at most so many characters.
    package static func plainText(_ html: [UInt8], atMost most: Int) -> String {
        var tokenizer = HTMLTokenizer(html)
        var text: [UInt8] = []
        // A character of the result has a few bytes; the rest is never needed.
        while text.count < most * 8 + 64, let piece = tokenizer.next() {
            switch piece {
            case .text(let bytes): text += bytes
            case .open(let tag): if !SafeHTMLWriter.isWithinLine(tag.name) { text.append(0x20) }
            case .close(let name): if !SafeHTMLWriter.isWithinLine(name) { text.append(0x20) }
            }
        }
        return TextLine.make(text, atMost: most)
    }

    /// A text without markup as HTML: paragraphs where it has empty lines.
    static func paragraphs(_ text: [UInt8]) -> [UInt8] {
        var writer = SafeHTMLWriter(base: nil)
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let isEmpty = line.allSatisfy { $0 <= 0x20 }
            if isEmpty { writer.breakParagraph() } else { writer.text(Array(line) + [0x0A]) }
            if writer.isFull { break }
        }
        return writer.finish()
    }
}

enum TextLine {
    /// Blanks and line ends become single blanks, and none are left at the ends.
    static func make(_ text: some Sequence<UInt8>, atMost most: Int) -> String {
        var bytes: [UInt8] = []
        for byte in text {
            if byte > 0x20, byte != 0x7F {
                bytes.append(byte)
            } else if let last = bytes.last, last != 0x20 {
                bytes.append(0x20)
            }
        }
        if bytes.last == 0x20 { bytes.removeLast() }
        let line = String(decoding: bytes, as: UTF8.self)
        return line.count > most ? line.prefix(max(most - 1, 0)).trimmedASCII + "…" : line
    }

    /// The same by bytes: no character is cut.
    static func make(_ text: some Sequence<UInt8>, bytes most: Int) -> String {
        let line = make(text, atMost: most)
        guard line.utf8.count > most else { return line }
        var count = 0
        return String(
            line.prefix {
                count += $0.utf8.count
                return count <= most
            })
    }
}
