// Writes the HTML of ForeignHTML: knows which elements are open, opens and closes what HTML wants in between, and
// escapes.

import World

struct SafeHTMLWriter {
    private let base: FeedURL?
    private var output: [UInt8] = []
    private var open: [SafeElement] = []
    /// Text that comes next, where blocks may stand, begins a paragraph.
    private var needsParagraph = true

    /// What becomes another element.
    private static let synonyms: [String: SafeElement] = [
        "h1": .h2, "h5": .h4, "h6": .h4, "del": .s, "strike": .s, "tt": .code, "kbd": .code, "samp": .code,
        "var": .i, "cite": .i, "dfn": .i, "menu": .ul, "dir": .ul, "listing": .pre, "q": .i,
    ]
    /// What stands within a line; everything else that is not known ends a paragraph.
    private static let transparent: Set<String> = [
        "span", "font", "u", "small", "big", "ins", "mark", "abbr", "acronym", "time", "label", "bdi", "bdo", "data",
        "wbr", "nobr", "td", "th", "ruby", "rt", "rp", "rb", "script", "style", "noscript", "template", "button",
        "picture", "source", "track", "img", "image", "iframe", "video", "audio", "embed", "svg", "math", "output",
    ]
    /// What becomes a link to what it shows, with these words if it has none of its own.
    private static let shows: [String: String] = [
        "img": "image", "image": "image", "iframe": "frame", "video": "video", "audio": "audio", "embed": "file",
    ]

    init(base: FeedURL?) { self.base = base }

    var isFull: Bool { output.count >= Limits.feedTextBytes }

    /// Whether a tag of this name leaves the words around it on one line.
    static func isWithinLine(_ name: String) -> Bool {
        transparent.contains(name) || element(name).map { $0.isInline } ?? false
    }

    private static func element(_ name: String) -> SafeElement? { SafeElement(rawValue: name) ?? synonyms[name] }

    /// Closes what is open.
    mutating func finish() -> [UInt8] {
        while !open.isEmpty { pop() }
        return output
    }

    // MARK: What is read

    mutating func text(_ text: [UInt8]) {
        if open.last?.isList == true || isBlockPlace, text.allSatisfy({ $0 <= 0x20 }) { return }
        beginLine()
        SafeHTMLWriter.append(escaped: text, to: &output, atMost: Limits.feedTextBytes)
    }

    mutating func open(_ tag: HTMLTag) {
        if let words = SafeHTMLWriter.shows[tag.name] { return show(tag, words) }
        guard let element = SafeHTMLWriter.element(tag.name) else {
            if tag.name == "td" || tag.name == "th" { return text([0x20]) }
            if !SafeHTMLWriter.transparent.contains(tag.name) { breakParagraph() }
            return
        }
        switch element {
        case .br:
            // Where no line has begun there is none to end.
            if !isBlockPlace, open.last?.isList != true { output += Array("<br>".utf8) }
        case .hr:
            leaveText()
            enterItem()
            output += Array("<hr>".utf8)
            needsParagraph = true
        case .a:
            guard let url = link(tag["href"]) else { return }
            openLink(url)
        case .li: openItem()
        case .p: breakParagraph()
        default:
            if element.isInline { openInline(element) } else { openBlock(element) }
        }
    }

    mutating func close(_ name: String) {
        guard let element = SafeHTMLWriter.element(name) else {
            if !SafeHTMLWriter.transparent.contains(name) { breakParagraph() }
            return
        }
        if element == .p { return breakParagraph() }
        // A line's elements end with it, those of a list with the list.
        let stop = open.lastIndex { other in
            if other == element { return true }
            if element.isInline { return !other.isInline }
            return element == .li ? other.isList || other == .blockquote : other == .blockquote && element.isTextBlock
        }
        guard let stop, open[stop] == element else { return }
        while open.count > stop { pop() }
        if !element.isInline { needsParagraph = true }
    }

    /// What comes next is another paragraph.
    mutating func breakParagraph() {
        guard !open.contains(.pre) else { return }
        if open.contains(where: \.isTextBlock) || open.last?.isInline == true { leaveText() }
        needsParagraph = true
    }

    // MARK: Structure

    /// Whether blocks may stand here, and text begins a paragraph.
    private var isBlockPlace: Bool {
        guard let last = open.last else { return true }
        return last == .blockquote || (last == .li && needsParagraph)
    }

    private mutating func push(_ element: SafeElement, attributes: [UInt8] = []) {
        output += Array("<\(element.rawValue)".utf8) + attributes + [UInt8(ascii: ">")]
        open.append(element)
    }

    private mutating func pop() {
        guard let element = open.popLast() else { return }
        // A list has items.
        output += Array("</\(element.rawValue)>".utf8)
    }

    /// Something is about to stand in a line: a paragraph around it, where one is wanted.
    private mutating func beginLine() {
        enterItem()
        if isBlockPlace { push(.p) }
        needsParagraph = false
    }

    /// Lists hold items alone.
    private mutating func enterItem() {
        guard open.last?.isList == true else { return }
        push(.li)
        needsParagraph = false
    }

    /// Closes the line and what holds it, down to what holds blocks.
    private mutating func leaveText() { while let last = open.last, !last.isContainer { pop() } }

    private mutating func openInline(_ element: SafeElement) {
        guard open.count < Limits.htmlDepth, !open.contains(element) || element == .sub || element == .sup else {
            return
        }
        beginLine()
        push(element)
    }

    private mutating func openBlock(_ element: SafeElement) {
        // Too deep: what stands in it is kept, as a paragraph.
        guard open.count < Limits.htmlDepth - 2 else { return breakParagraph() }
        leaveText()
        enterItem()
        push(element)
        needsParagraph = element == .blockquote
    }

    private mutating func openItem() {
        guard let list = open.lastIndex(where: { $0.isList || $0 == .blockquote }), open[list].isList else {
            return breakParagraph()
        }
        while open.count > list + 1 { pop() }
        push(.li)
        needsParagraph = false
    }

    // MARK: Links

    private func link(_ reference: String?) -> FeedURL? {
        guard let reference, !reference.isEmpty else { return nil }
        return base.map { $0.resolve(reference) } ?? FeedURL(reference)
    }

    private mutating func openLink(_ url: FeedURL) {
        if let inner = open.lastIndex(of: .a) { while open.count > inner { pop() } }
        guard open.count < Limits.htmlDepth else { return }
        beginLine()
        var attributes = Array(" href=\"".utf8)
        SafeHTMLWriter.append(escaped: Array(url.text.utf8), to: &attributes)
        // The other side learns neither whence a reader comes nor gets hold of the page, and gains no rank.
        attributes += Array("\" rel=\"nofollow noopener noreferrer\"".utf8)
        push(.a, attributes: attributes)
    }

    /// Nothing foreign is loaded into a page: what would be becomes a link.
    private mutating func show(_ tag: HTMLTag, _ words: String) {
        let label = TextLine.make((tag["alt"] ?? tag["title"] ?? "").utf8, bytes: Limits.feedNameBytes)
        guard let url = link(tag["src"]), !open.contains(.a) else {
            if !label.isEmpty { text(Array(label.utf8)) }
            return
        }
        openLink(url)
        text(Array((label.isEmpty ? words : label).utf8))
        close("a")
    }

    // MARK: Characters

    /// Text as it may stand between tags and in quotes. Control characters, which HTML has no place for, are left out.
    /// - most: bytes of the output; past it nothing is added, and no character is cut.
    static func append(escaped text: some Sequence<UInt8>, to output: inout [UInt8], atMost most: Int = .max) {
        for byte in text {
            if output.count >= most, byte & 0xC0 != 0x80 { return }
            switch byte {
            case UInt8(ascii: "&"): output += Array("&amp;".utf8)
            case UInt8(ascii: "<"): output += Array("&lt;".utf8)
            case UInt8(ascii: ">"): output += Array("&gt;".utf8)
            case UInt8(ascii: "\""): output += Array("&quot;".utf8)
            case 0x09, 0x0A: output.append(byte)
            case 0x0D, 0x00...0x1F, 0x7F: break
            default: output.append(byte)
            }
        }
    }
}
