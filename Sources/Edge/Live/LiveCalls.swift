// Live reads (docs/LIVE.md): from a request over HTTP to a subscription.

import Keys
import Live
import Ring
import World

enum LiveCalls {
    static let key: Route.Answer = { request, _ throws(Problem) in
        guard let key = request.target.key else { throw .malformed("this path names no key") }
        return try subscribe([watch(LiveTarget(key: key), request)], request)
    }

    static let range: Route.Answer = { request, _ throws(Problem) in
        guard let key = request.target.key else { throw .malformed("this path names no key") }
        let query = request.target.query
        let target: LiveTarget
        do {
            target = try LiveTarget(
                bucket: key.bucket, partitionKey: key.partitionKey, start: query.start, end: query.end,
                prefix: query.prefix)
        } catch { throw .malformed("\(error)") }
        return try subscribe([watch(target, request)], request)
    }

    static let several: Route.Answer = { request, _ throws(Problem) in
        let watches = request.target.query.watches
        if watches.isEmpty, let upgrade = try SocketUpgrade(request.head, origin: request.otherOrigin) {
            return .upgrade(upgrade)
        }
        guard !watches.isEmpty else { throw .malformed("watch is missing: ?watch=BUCKET/KEY, once for each") }
        return try subscribe(watches, request)
    }

    /// Its name is what stands in the path.
    private static func watch(_ target: LiveTarget, _ request: IncomingRequest) -> LiveSubscription.Watch {
        let path = request.head.target.prefix { $0 != "?" }
        let start = path.firstRange(of: "/v1/live/")?.upperBound ?? path.startIndex
        return LiveSubscription.Watch(target: target, name: Array(path[start...].utf8))
    }

    private static func subscribe(
        _ watches: [LiveSubscription.Watch], _ request: IncomingRequest
    ) throws(Problem) -> Call {
        let query = request.target.query
        // What a browser sends when it connects again is later than what its page once asked for.
        let header = request.head.fields.first(.lastEventID)?.trimmed
        let id = header.flatMap { $0.isEmpty ? nil : String($0) } ?? query.since
        var resume: EventID?
        if let id {
            do { resume = try EventID(id, watches: watches.count) } catch {
                throw .malformed("this is no id of an event of these watches")
            }
        }
        var form = DocumentForm()
        form.tellsChanges = query.tellsChanges
        form.showsIDs = query.form == .ids
        var subscription = LiveSubscription(
            watches: watches, resume: resume, tellsPositions: query.tellsPositions, form: form)
        switch query.readLevel {
        case nil, .one: break
        case .quorum: subscription.needsQuorum = true
        default: throw .malformed("r of a live read is one or quorum")
        }
        return .live(subscription)
    }

    /// `BUCKET/KEY`, `BUCKET/KEY/SORT` or, for all items of a key, `BUCKET/KEY/`; each part percent-encoded where it
    /// holds a slash or a percent sign.
    ///
    /// - Parameter isOfSite: buckets of the site may be named.
    static func watch(_ text: [UInt8], isOfSite: Bool = false) throws(TargetError) -> LiveSubscription.Watch {
        let parts = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else {
            throw .malformed("a watch is BUCKET/KEY, BUCKET/KEY/SORT or BUCKET/KEY/")
        }
        let (bucket, key) = (try RequestTarget.decode(parts[0]), try RequestTarget.decode(parts[1]))
        guard parts.count == 3, parts[2].isEmpty else {
            let sortKey = parts.count == 3 ? try RequestTarget.decode(parts[2]) : nil
            let stored = try RequestTarget.storedKey(bucket, key, sortKey, isOfSite: isOfSite)
            return LiveSubscription.Watch(target: LiveTarget(key: stored), name: text)
        }
        _ = try RequestTarget.storedKey(bucket, key, nil, isOfSite: isOfSite)
        do {
            let target = try LiveTarget(bucket: bucket, partitionKey: key, start: nil, end: nil, prefix: nil)
            return LiveSubscription.Watch(target: target, name: text)
        } catch { throw .malformed("\(error)") }
    }
}
