// What readers report, and what moderators do with it: hide a post, suspend a user, or dismiss the report. What was
// done stays written beside the report.

import Edge
import JSON
import Keys
import World

struct Report: SocialRecord, Equatable {
    let path: String
    let reason: String
    /// Nil of somebody who was not logged in.
    let reporter: String?
    let time: WallTime
    var outcome: String?
    var moderator: String?

    init(path: String, reason: String, reporter: String?, time: WallTime) {
        self.path = path
        self.reason = reason
        self.reporter = reporter
        self.time = time
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let path = json.text("path"), let reason = json.text("reason"),
            let time = json.time("time")
        else { return nil }
        self.init(path: path, reason: reason, reporter: json.text("reporter"), time: time)
        outcome = json.text("outcome")
        moderator = json.text("moderator")
    }

    var json: JSONValue {
        .record([
            ("path", .string(path)), ("reason", .string(reason)), ("reporter", .optional(reporter)),
            ("time", .time(time)), ("outcome", .optional(outcome)), ("moderator", .optional(moderator)),
        ])
    }

    static func merged(_ a: Report, _ b: Report) -> Report {
        if (a.outcome == nil) != (b.outcome == nil) { return a.outcome == nil ? b : a }
        return a.json.text().isSpelledBefore(b.json.text()) ? a : b
    }
}

enum Moderation {
    enum Measure: String, Sendable { case hide, suspend, dismiss }

    /// Reports lie by the month, under ids in the order of their times.
    static func month(_ time: WallTime) -> String { String(CivilTime(time).rfc3339.prefix(7)) }

    static func report(_ path: PostPath, reason: String, by viewer: Visitor?, random: ArraySlice<UInt8>) -> Flow<String>
    {
        guard (1...2_000).contains(reason.utf8.count) else {
            return .refused(.badInput("say in a sentence or two what is wrong: up to 2,000 bytes"))
        }
        return Reading.post(path).then { found in
            switch found {
            case .post: break
            case .moved(let moved): return report(moved, reason: reason, by: viewer, random: random)
            case .nothing(let problem): return .refused(problem)
            }
            return .with { core in
                let wall = core.now.wall
                let id = PostID(wall, SocialDigest(Array("report".utf8), Array(random)))
                guard let key = SocialKeys.report(month(wall), id.text) else { return .refused(.internalError) }
                let report = Report(path: path.text, reason: reason, reporter: viewer?.name, time: wall)
                return Cluster.write(key, report, .quorum).map { _ in "\(month(wall)).\(id.text)" }
            }
        }
    }

    /// The one before it.
    static func month(before month: String) -> String? {
        let parts = month.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 2, parts[0] > 1_970 else { return nil }
        let (year, number) = parts[1] > 1 ? (parts[0], min(parts[1], 13) - 1) : (parts[0] - 1, 12)
        return "\(year)-\(number < 10 ? "0" : "")\(number)"
    }

    struct Page: Sendable {
        let reports: [(id: String, report: Report)]
        /// More stand before this.
        let next: PostID?
    }

    /// Of a month, the newest first.
    static func list(_ month: String, before: PostID?, limit: Int) -> Flow<Page> {
        guard month.utf8.count == 7, month.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }) else {
            return .refused(.badInput("month is one such as 2026-11"))
        }
        var range = SocialKeys.reports(month)
        range.end = before?.text
        let listed: Flow<Listing<Report>> = Cluster.list(range, reverse: true, limit: limit, .quorum)
        return listed.map { listing in
            Page(
                reports: listing.items.map { ("\(month).\($0.sort)", $0.record) },
                next: listing.hasMore ? listing.items.last.flatMap { PostID($0.sort) } : nil)
        }
    }

    static func decide(_ id: String, _ measure: Measure, by moderator: Visitor) -> Flow<Void> {
        let parts = id.split(separator: ".").map(String.init)
        guard parts.count == 2, let key = SocialKeys.report(parts[0], parts[1]) else { return .refused(.noSuchReport) }
        let standing: Flow<Stored<Report>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard var report = stored.record, let path = PostPath(report.path) else { return .refused(.noSuchReport) }
            let act: Flow<Void> =
                switch measure {
                case .hide: hide(path)
                case .suspend: path.user.map(suspend) ?? .refused(.noSuchUser)
                case .dismiss: .done
                }
            report.outcome = measure.rawValue
            report.moderator = moderator.name
            return act.then { Cluster.write(key, report, context: stored.context, .strict) }.map { _ in }
        }
    }

    private static func suspend(_ name: String) -> Flow<Void> {
        Accounts.close(name, .suspended).then { Suspensions.add(name) }
    }

    private static func hide(_ path: PostPath) -> Flow<Void> {
        Reading.home(of: path).then { home in
            guard let key = SocialKeys.head(path, home) else { return .refused(.noSuchPost) }
            let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
            return standing.then { stored in
                guard var head = stored.record else { return .refused(.noSuchPost) }
                if let moved = head.movedTo.flatMap(PostPath.init), moved != path { return hide(moved) }
                guard head.state == .live else { return .done }
                head.state = .hidden
                return Cluster.write(key, head, context: stored.context, .strict).then { _ in
                    .with { core in
                        core.heads.forget(path, home)
                        return .done
                    }
                }
            }
        }
    }
}
