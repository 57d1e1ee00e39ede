// The path and query of a request, read once and checked: bytes in, a row of the table of paths and its parameters out.

import DataTypes
import Keys
import Live
import Ring
import World

/// Why a request line was refused, with the status to say so.
struct TargetError: Error, Equatable {
    enum Kind: Equatable {
        case malformed, notFound, tooLong, reserved
    }

    let kind: Kind
    let detail: String

    static func malformed(_ detail: String) -> TargetError { TargetError(kind: .malformed, detail: detail) }
}

/// The parameters after `?`, each at most once but for `watch`.
struct RequestQuery: Equatable, Sendable {
    var readLevel: ConsistencyLevel?
    var writeLevel: ConsistencyLevel?
    var strict = false
    var resolveLatest = false
    var timeout: Span?
    var ttlMs: UInt64?
    var start: [UInt8]?
    var end: [UInt8]?
    var prefix: [UInt8]?
    /// In a typed value.
    var path: Path?
    var form: TypedQuestion.Form?
    var reverse = false
    var limit: Int?
    var generation: UInt64?
    /// Of the namestore: its acceptors to be.
    var nodes: [NodeID]?
    /// Though they are no sound set.
    var force = false
    /// Of a ring document.
    var epoch: UInt64?
    var digest: [UInt8]?
    /// Of live reads: what is watched, the last event's id, whether ids are told while nothing happens, and what has
    /// changed in place of documents.
    var watches: [LiveSubscription.Watch] = []
    var since: String?
    var tellsPositions = false
    var tellsChanges = false
}

/// What a request line asks for. A class, as it is handed on several times, and to copy all its parts would cost more
/// than a block for them.
final class RequestTarget: Sendable {
    let route: Route
    let query: RequestQuery
    /// Where the route has one.
    let key: StoredKey?
    /// The same.
    let name: [UInt8]
    /// Where the route is a site's.
    let site: SiteTarget?

    init(
        _ route: Route, _ query: RequestQuery = RequestQuery(), key: StoredKey? = nil, name: [UInt8] = [],
        site: SiteTarget? = nil
    ) {
        self.route = route
        self.query = query
        self.key = key
        self.name = name
        self.site = site
    }

    static let tooLong = TargetError(kind: .tooLong, detail: "a target may have \(Limits.targetBytes) bytes")

    /// `target`: the request line's middle, as it came.
    ///
    /// - Parameter site: whose table counts; nil: the node's own.
    static func parse(_ target: String, of site: SiteListener? = nil) throws(TargetError) -> RequestTarget {
        // What was no UTF-8 has been replaced by this when the parser made text of it; taken as it is, many keys would
        // become one.
        let bytes = Array(target.utf8)
        guard !bytes.contains(0xEF) || !target.unicodeScalars.contains("\u{FFFD}") else {
            throw .malformed("bytes that are not UTF-8 must be percent-encoded")
        }
        return try parse(bytes: bytes, of: site)
    }

    static func parse(bytes: [UInt8], of site: SiteListener? = nil) throws(TargetError) -> RequestTarget {
        guard bytes.count <= Limits.targetBytes else {
            throw tooLong
        }
        guard bytes.first == UInt8(ascii: "/") else { throw .malformed("the target must begin with /") }
        // What follows it is a reader's own business and never sent; taken as part of a key it would be another key.
        guard !bytes.contains(UInt8(ascii: "#")) else { throw .malformed("# must be percent-encoded") }
        let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        var segments: [ArraySlice<UInt8>] = []
        segments.reserveCapacity(6)
        var rest = bytes[1..<mark]
        while let slash = rest.firstIndex(of: UInt8(ascii: "/")) {
            segments.append(rest[..<slash])
            rest = rest[(slash + 1)...]
        }
        segments.append(rest)
        let query = mark < bytes.endIndex ? bytes[(mark + 1)...] : []
        guard let site else { return try target(segments, query) }
        guard let route = site.routes.first(where: { $0.matches(segments) }) else { return RequestTarget(site.other) }
        return RequestTarget(route, site: try SiteTarget(route, segments, query: query))
    }

    private static func target(
        _ segments: [ArraySlice<UInt8>], _ query: ArraySlice<UInt8>
    ) throws(TargetError) -> RequestTarget {
        guard let route = Routes.all.first(where: { $0.matches(segments) }) else {
            throw TargetError(kind: .notFound, detail: "there is nothing at this path; see /v1/kv/{bucket}/{key}")
        }
        switch route.subject {
        case .nothing, .site: return RequestTarget(route, try parseQuery(query, route.parameters))
        case .name:
            let name = try decode(segments[2])
            return RequestTarget(route, try parseQuery(query, route.parameters), name: name)
        case .key, .value:
            let bucket = try decode(segments[2])
            let partitionKey = try decode(segments[3])
            let sortKey = segments.count == 5 && !segments[4].isEmpty ? try decode(segments[4]) : nil
            let key = try storedKey(bucket, partitionKey, sortKey)
            return RequestTarget(route, try parseQuery(query, route.parameters), key: key)
        }
    }

    static func storedKey(
        _ bucket: [UInt8], _ partitionKey: [UInt8], _ sortKey: [UInt8]?, isOfSite: Bool = false
    ) throws(TargetError) -> StoredKey {
        // Whatever a client may do here, drafts and hidden posts are read by way of the site alone.
        guard isOfSite || !SocialBuckets.isReserved(bucket) else {
            throw TargetError(
                kind: .reserved, detail: "what begins with \(SocialBuckets.prefix) is the site's, and reached there")
        }
        do { return try StoredKey(bucket: bucket, partitionKey: partitionKey, sortKey: sortKey) } catch .overlong {
            throw TargetError(
                kind: .tooLong,
                detail: "bucket, key and sort key may have \(Limits.keyBytes) bytes together, the bucket "
                    + "\(Limits.bucketNameBytes) of them")
        } catch {
            throw .malformed("bucket, key and sort key must not be empty")
        }
    }

    /// Undoes percent-encoding, once. A `+` is a plus.
    static func decode(_ segment: ArraySlice<UInt8>) throws(TargetError) -> [UInt8] {
        guard segment.contains(UInt8(ascii: "%")) else { return Array(segment) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(segment.count)
        var rest = segment
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                throw .malformed("% must be followed by two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    // MARK: Query

    private static func parseQuery(_ query: ArraySlice<UInt8>, _ allowed: [String]) throws(TargetError) -> RequestQuery
    {
        var result = RequestQuery()
        var seen: [String] = []
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let name = String(decoding: try decode(pair[..<equals]), as: UTF8.self)
            let value = equals < pair.endIndex ? try decode(pair[(equals + 1)...]) : []
            guard allowed.contains(name) else {
                let known = allowed.isEmpty ? "none are known here" : "known here: \(allowed.joined(separator: ", "))"
                throw .malformed("unknown parameter \(quoted(name)); \(known)")
            }
            guard name == "watch" || !seen.contains(name) else { throw .malformed("parameter \(name) stands twice") }
            seen.append(name)
            try set(name, value, &result)
        }
        return result
    }

    private static func set(_ name: String, _ value: [UInt8], _ query: inout RequestQuery) throws(TargetError) {
        let text = String(decoding: value, as: UTF8.self)
        switch name {
        case "r": query.readLevel = try level(name, text)
        case "w": query.writeLevel = try level(name, text)
        case "strict": query.strict = try flag(name, text)
        case "reverse": query.reverse = try flag(name, text)
        case "resolve":
            guard text == "latest" else { throw .malformed("resolve must be latest, not \(quoted(text))") }
            query.resolveLatest = true
        case "timeout":
            let longest = Int(Limits.largestRequestTimeout.inMilliseconds)
            query.timeout = .milliseconds(Int64(try number(name, text, 1...longest)))
        case "ttl": query.ttlMs = UInt64(try number(name, text, 1...Int(Limits.hintAge.inMilliseconds) * 3_650))
        case "limit": query.limit = try number(name, text, 1...Limits.rangeItems)
        case "generation": query.generation = UInt64(try number(name, text, 0...Int.max))
        case "force": query.force = try flag(name, text)
        case "nodes": query.nodes = try nodes(text)
        case "epoch": query.epoch = UInt64(try number(name, text, 1...Int.max))
        case "digest": query.digest = try digest(value)
        case "start": query.start = value
        case "end": query.end = value
        case "prefix": query.prefix = value
        case "types", "ids", "conflicts":
            guard try flag(name, text) else { break }
            guard query.form == nil else { throw .malformed("only one of types, ids and conflicts can be asked for") }
            query.form = TypedQuestion.Form(rawValue: name)
        case "since": query.since = text
        case "at": query.tellsPositions = try flag(name, text)
        case "changes": query.tellsChanges = try flag(name, text)
        case "watch":
            guard query.watches.count < Limits.liveWatchesOfConnection else {
                throw .malformed("one connection may have \(Limits.liveWatchesOfConnection) watches")
            }
            query.watches.append(try LiveCalls.watch(value))
        case "path":
            do { query.path = try Path(pointer: text) } catch { throw .malformed("path: \(error.detail)") }
        default: break
        }
    }

    private static func nodes(_ text: String) throws(TargetError) -> [NodeID] {
        let parts = text.split(separator: ",", maxSplits: Limits.nameAcceptors, omittingEmptySubsequences: false)
        guard parts.count <= Limits.nameAcceptors else {
            throw .malformed("nodes may name \(Limits.nameAcceptors) nodes at most")
        }
        var nodes: [NodeID] = []
        for part in parts {
            guard let node = NodeID(String(part)) else {
                throw .malformed("nodes must be names of nodes with commas between, not \(quoted(text))")
            }
            nodes.append(node)
        }
        return nodes
    }

    /// 32 bytes in hexadecimal.
    private static func digest(_ value: [UInt8]) throws(TargetError) -> [UInt8] {
        let digits = value.compactMap(hexValue)
        guard value.count == 64, digits.count == 64 else {
            throw .malformed("digest must be 64 hexadecimal digits")
        }
        return (0..<32).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
    }

    private static func level(_ name: String, _ text: String) throws(TargetError) -> ConsistencyLevel {
        guard let level = ConsistencyLevel(text) else {
            throw .malformed(
                "\(name) must be a number of replicas, or one, quorum, local, each, all; not \(quoted(text))")
        }
        return level
    }

    private static func flag(_ name: String, _ text: String) throws(TargetError) -> Bool {
        switch text {
        case "true", "1", "": true
        case "false", "0": false
        default: throw .malformed("\(name) must be true or false, not \(quoted(text))")
        }
    }

    private static func number(_ name: String, _ text: String, _ range: ClosedRange<Int>) throws(TargetError) -> Int {
        guard let n = Int(text), range.contains(n) else {
            throw .malformed(
                "\(name) must be a number from \(range.lowerBound) to \(range.upperBound), not \(quoted(text))")
        }
        return n
    }

    /// A client's text in an error: short, and without what could break a terminal or a log.
    static func quoted(_ text: String) -> String {
        let safe = text.unicodeScalars.prefix(40).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0) }
        return "\"" + safe.joined() + "\""
    }
}
