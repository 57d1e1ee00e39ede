// The way between a document's bytes and what listens to its elements: libxml2, by way of CXML.

import CXML
import World

/// Which set of names an element belongs to. The prefix is the writer's choice; what it stands for is not.
enum XMLVocabulary {
    /// No prefix: RSS.
    case plain
    case atom, rdf, rss1, content, dublinCore, media, podcast, html
    case other

    /// Some have two: the older form of Atom says nearly the same.
    private static let known: [(name: StaticString, vocabulary: XMLVocabulary)] = [
        ("http://www.w3.org/2005/Atom", .atom), ("http://purl.org/atom/ns#", .atom),
        ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", .rdf), ("http://purl.org/rss/1.0/", .rss1),
        ("http://my.netscape.com/rdf/simple/0.9/", .rss1), ("http://purl.org/rss/1.0/modules/content/", .content),
        ("http://purl.org/dc/elements/1.1/", .dublinCore), ("http://search.yahoo.com/mrss/", .media),
        ("http://www.itunes.com/dtds/podcast-1.0.dtd", .podcast), ("http://www.w3.org/1999/xhtml", .html),
    ]

    init(_ name: UnsafeBufferPointer<UInt8>) {
        self =
            XMLVocabulary.known.first { known in
                UnsafeBufferPointer(start: known.name.utf8Start, count: known.name.utf8CodeUnitCount)
                    .elementsEqual(name)
            }?.vocabulary ?? (name.isEmpty ? .plain : .other)
    }
}

/// The beginning of an element. Good while it is told of only.
struct XMLElement {
    let vocabulary: XMLVocabulary
    let name: String
    fileprivate let count: Int
    fileprivate let values: UnsafePointer<UnsafePointer<UInt8>?>?

    /// The value of an attribute by its local name; the first where there are two of different prefixes.
    subscript(name: StaticString) -> String? {
        for at in 0..<count {
            guard let values, let local = values[5 * at], let start = values[5 * at + 3], let end = values[5 * at + 4]
            else { continue }
            let isIt =
                (0..<name.utf8CodeUnitCount).allSatisfy { local[$0] == name.utf8Start[$0] }
                && local[name.utf8CodeUnitCount] == 0
            guard isIt else { continue }
            let value = String(decoding: UnsafeBufferPointer(start: start, count: max(0, end - start)), as: UTF8.self)
            // As it expands no entities, libxml2 writes each ampersand of a value so.
            return value.replacing("&#38;", with: "&")
        }
        return nil
    }
}

enum XMLReading {
    /// Tells `builder` of all elements and texts, in order, as far as the document goes.
    /// - bytes: mended.
    static func read(_ bytes: [UInt8], into builder: inout FeedBuilder) throws(FeedFailure) {
        let bounds = atoll_xml_bounds_t(
            depth: Int32(Limits.feedDepth), elements: Int32(Limits.feedElements), spaces: Int32(Limits.feedPrefixes))
        let listener = atoll_xml_listener_t(
            begin: { context, name, space, count, attributes in
                guard let context, let name else { return }
                let element = XMLElement(
                    vocabulary: XMLVocabulary(XMLReading.text(space)),
                    name: String(decoding: XMLReading.text(name), as: UTF8.self), count: Int(count), values: attributes)
                context.assumingMemoryBound(to: FeedBuilder.self).pointee.begin(element)
            },
            end: { context in context?.assumingMemoryBound(to: FeedBuilder.self).pointee.end() },
            text: { context, bytes, count in
                let text = UnsafeBufferPointer(start: bytes, count: Int(count))
                context?.assumingMemoryBound(to: FeedBuilder.self).pointee.text(text)
            })
        let outcome = withUnsafeMutablePointer(to: &builder) { builder in
            atoll_xml_read(bytes, bytes.count, bounds, listener, builder)
        }
        switch outcome {
        case atoll_xml_complete: return
        case atoll_xml_entities: throw .entities
        case atoll_xml_excessive: throw .excessive
        default: throw .malformed
        }
    }

    private static func text(_ pointer: UnsafePointer<UInt8>?) -> UnsafeBufferPointer<UInt8> {
        guard let pointer else { return UnsafeBufferPointer(start: nil, count: 0) }
        var count = 0
        while pointer[count] != 0 { count += 1 }
        return UnsafeBufferPointer(start: pointer, count: count)
    }
}
