// Whose posts are shown to nobody, since a moderator has suspended the account. Each node follows the list of them
// live: no reader waits for a look at an author, and within moments of a suspension every node that hears the others
// knows.

import JSON
import Ring
import World

struct Suspension: SocialRecord, Equatable {
    let since: WallTime

    init(since: WallTime) { self.since = since }

    init?(_ json: JSONValue) {
        guard json.isRecord, let since = json.time("since") else { return nil }
        self.init(since: since)
    }

    var json: JSONValue { .record([("since", .time(since))]) }
    static func merged(_ a: Suspension, _ b: Suspension) -> Suspension { a.since <= b.since ? a : b }
}

struct Suspensions {
    private var names: Set<String> = []

    func isAuthor(of head: Head) -> Bool { head.author.map(names.contains) ?? false }

    static func add(_ name: String) -> Flow<Void> {
        .with { core in
            guard let key = SocialKeys.suspended(name) else { return .refused(.noSuchUser) }
            return Cluster.write(key, Suspension(since: core.now.wall), .quorum).map { _ in }
        }
    }

    /// Where nobody moderates, nobody is suspended.
    static func follow(_ core: inout SocialCore) {
        guard !core.settings.moderators.isEmpty else { return }
        _ = core.follow([SocialKeys.suspensions]) { core, _, event in
            switch event {
            case .item(let name, _): core.suspended.names.insert(name)
            case .removed(let name): core.suspended.names.remove(name)
            case .ready, .reset: break
            }
        }
    }
}
