// What a server must make sure of before it looks at what a request asks for (RFC 9110 and 9112): that its end can be
// told, that it is meant for this node, and that no stranger's web page sent it.

import Ring
import World

/// A head that passed.
struct CheckedHead {
    let target: RequestTarget
    /// Of the body as announced; nil where it comes in chunks.
    let length: Int?
    /// The client sends its body only when it is told to.
    let awaitsContinue: Bool
    /// Of the page that opens a WebSocket, where it is not ours: some buckets name it.
    let otherOrigin: String?
    /// For whom it is, where the client says so.
    let host: Authority?
}

struct HeadCheck {
    let own: OwnAddresses
    /// Whose paths are asked for; nil: the node's own.
    private let site: SiteListener?
    private let siteNames: SiteNames
    /// The last `Host` and what it says: nearly all of a loop's requests have the same.
    private var lastHost: (text: String, authority: Authority)?

    init(_ own: OwnAddresses, site: SiteListener? = nil) {
        self.own = own
        self.site = site
        siteNames = SiteNames(site?.ring.social)
    }

    mutating func check(_ head: RequestHead) throws(Problem) -> CheckedHead {
        guard head.fields.count <= Limits.headerCount,
            head.fields.bytes + head.target.utf8.count <= Limits.headerBytes + Limits.targetBytes
        else { throw .headersTooLarge }
        let length = try HeadCheck.length(head)
        let host = try host(head)
        guard head.method != .other else { throw .unknownMethod }
        let (authority, path) = try HeadCheck.split(head)
        let addressed = authority ?? host
        if let addressed, !own.isOwn(addressed) { throw .wrongHost(addressed.host, ofSite: site != nil) }
        let target: RequestTarget
        if let path {
            do { target = try RequestTarget.parse(path, of: site) } catch { throw Problem(error) }
        } else {
            target = RequestTarget(Routes.server)
        }
        var other: String?
        if site == nil {
            other = try checkPages(head, addressed)
            try HeadCheck.checkConditions(head)
        } else {
            try HeadCheck.checkSingle(head)
            try checkSocket(head, addressed)
        }
        try HeadCheck.checkContent(head)
        let awaitsContinue = try HeadCheck.expectsContinue(head) && length != 0
        // A client that waits before it sends its body is told now what it would be told after it.
        if awaitsContinue, !target.route.methods.contains(head.method) {
            throw .methodNotAllowed(target.route.allowed)
        }
        return CheckedHead(
            target: target, length: length, awaitsContinue: awaitsContinue, otherOrigin: other, host: addressed)
    }

    /// A WebSocket takes changes, with the cookies of its site, and browsers open it for the page of any origin; of all
    /// else that changes something a site judges itself.
    private func checkSocket(_ head: RequestHead, _ host: Authority?) throws(Problem) {
        guard head.fields.has(.upgrade), let origin = head.fields.first(.origin) else { return }
        guard origin == siteNames.origin(of: host).origin else { throw .foreignOrigin(origin) }
    }

    /// A site judges by these who sent a request and from which page, and where two are said, two readers may each take
    /// another: a proxy the first, the site the last.
    private static func checkSingle(_ head: RequestHead) throws(Problem) {
        let decisive: [RequestField] = [
            .authorization, .cookie, .fetchSite, .origin, .contentType, .atollOwner, .atollContext, .lastEventID,
        ]
        for field in decisive where head.fields.has(field) && !head.fields.isSingle(field) {
            throw .malformed("\(field.rawValue) stands more than once")
        }
    }

    // MARK: Framing

    /// RFC 9112, 6: what can be read in two ways is how one request is smuggled inside another.
    private static func length(_ head: RequestHead) throws(Problem) -> Int? {
        if let encoding = head.fields.list(.transferEncoding) {
            guard !head.isOldClient else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
            guard !head.fields.has(.contentLength) else {
                throw .malformed("Transfer-Encoding and Content-Length exclude each other")
            }
            let codings = encoding.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmed.lowercased()
            }
            if let unknown = codings.first(where: { $0 != "chunked" && !$0.isEmpty }) {
                throw .notImplemented("no Transfer-Encoding but chunked: \(RequestTarget.quoted(unknown))")
            }
            guard codings == ["chunked"] else { throw .malformed("Transfer-Encoding must be chunked, once") }
            return nil
        }
        guard let text = head.fields.first(.contentLength)?.trimmed else { return 0 }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .malformed("Content-Length must be a number")
        }
        // What no number here can hold is longer than anything that is taken.
        return Int(text) ?? Int.max
    }

    // MARK: For whom

    /// RFC 9112, 3.2: exactly one; an old client may leave it out.
    private mutating func host(_ head: RequestHead) throws(Problem) -> Authority? {
        guard let text = head.fields.first(.host) else {
            guard head.isOldClient else { throw .malformed("Host is missing") }
            return nil
        }
        guard head.fields.isSingle(.host) else { throw .malformed("Host stands more than once") }
        if let lastHost, lastHost.text == text { return lastHost.authority }
        guard let host = Authority(text.trimmed) else { throw .malformed("Host is no host and port") }
        lastHost = (text, host)
        return host
    }

    /// The target without what a proxy would need of it; nil for `*`, the server itself.
    private static func split(_ head: RequestHead) throws(Problem) -> (Authority?, String?) {
        let target = head.target
        if target.utf8.first == UInt8(ascii: "/") { return (nil, target) }
        if target == "*" {
            guard head.method == .options else { throw .malformed("the target * is for OPTIONS only") }
            return (nil, nil)
        }
        // RFC 9112, 3.2.2: the absolute form must be accepted, and its host counts in place of Host's.
        guard let colon = target.firstIndex(of: ":"), target[colon...].hasPrefix("://") else {
            throw .malformed("the target must begin with /")
        }
        let scheme = target[..<colon].lowercased()
        let rest = target[colon...].dropFirst(3)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        guard let authority = Authority(rest[..<end]) else { throw .malformed("the target has no host") }
        // RFC 9110, 7.4: what asks for a secured connection must not be answered over one that isn't.
        guard scheme == "http" else { throw .wrongHost("\(scheme)://\(authority.host)") }
        let path = rest[end...]
        if path.isEmpty, head.method == .options { return (authority, nil) }
        return (authority, path.first == "/" ? String(path) : "/" + path)
    }

    // MARK: What is asked

    /// Browsers name the page's origin with everything that may change something, but old ones do not for a form.
    private func checkPages(_ head: RequestHead, _ host: Authority?) throws(Problem) -> String? {
        // A WebSocket takes changes too, and browsers open it for the page of any origin.
        guard head.method.changes || head.fields.has(.upgrade) else { return nil }
        var other: String?
        let origins = head.fields.all(.origin)
        // Of several the first, if all are the same, else one that nobody has.
        if let first = origins.first {
            let origin = origins.allSatisfy { $0 == first } ? first : "null"
            if !own.isOwn(origin: origin, of: host) {
                guard !head.method.changes, own.isNamed(origin: origin) else { throw .foreignOrigin(origin) }
                other = origin
            }
        }
        // A form sends nothing but POST, and a value of any of these types is a good one for PUT.
        guard head.method == .post else { return other }
        for type in head.fields.all(.contentType) {
            if ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"].contains(type.mediaType) {
                throw .unsupportedMedia("a web form's content is not taken here; leave Content-Type out")
            }
        }
        return other
    }

    private static func checkContent(_ head: RequestHead) throws(Problem) {
        guard head.method.changes else { return }
        // RFC 9110, 14.4: a part must not be stored as if it were all.
        if head.fields.has(.contentRange) { throw .malformed("Content-Range: values are written as a whole") }
        // The value would come back without it.
        if head.fields.has(.contentEncoding) {
            throw .unsupportedMedia("Content-Encoding is not kept; say it in Content-Type, or send it unencoded")
        }
    }

    private static func checkConditions(_ head: RequestHead) throws(Problem) {
        guard !head.method.changes else { return }
        if head.fields.has(.ifMatch) || head.fields.list(.ifNoneMatch)?.listElements.contains("*") == true {
            throw .malformed("there are no ETags here: If-Match and If-None-Match: * have no meaning for a read")
        }
    }

    /// RFC 9110, 10.1.1. An old client does not know what a 100 is.
    private static func expectsContinue(_ head: RequestHead) throws(Problem) -> Bool {
        guard let expect = head.fields.list(.expect), !head.isOldClient else { return false }
        let elements = expect.listElements
        guard elements.allSatisfy({ $0 == "100-continue" }) else {
            throw Problem(417, "expectation-failed", "The expectation can't be met", "only 100-continue can")
        }
        return !elements.isEmpty
    }
}
