// Hubs of feeds (W3C WebSub): asked after a poll to tell of news here, confirmed when they ask back, and heeded by
// polling sooner. Whoever calls in a hub's name can do no more than that, once a minute for each feed.

import Edge
import Feeds
import JSON
import Keys
import Ring
import World

/// What a feed's hub was asked for.
struct HubLease: Equatable, Sendable {
    let hub: String
    /// What the feed calls itself; hubs know it by this.
    let topic: String
    var asked: WallTime
    /// It has agreed to tell of news until then.
    var until: WallTime

    init(hub: String, topic: String, asked: WallTime) {
        self.hub = hub
        self.topic = topic
        self.asked = asked
        until = WallTime(milliseconds: 0)
    }

    init?(_ json: JSONValue) {
        guard let hub = json.text("hub"), let topic = json.text("topic"), let asked = json.time("asked"),
            let until = json.time("until")
        else { return nil }
        self.init(hub: hub, topic: topic, asked: asked)
        self.until = until
    }

    var json: JSONValue {
        .object([
            "hub": .string(hub), "topic": .string(topic), "asked": .time(asked), "until": .time(until),
        ])
    }
}

enum Hubs {
    /// Where hubs call: beyond loopback and with TLS alone, so that they can and nobody listens.
    private static func callback(_ id: String, _ settings: SocialSettings) -> String? {
        settings.origin.flatMap { settings.isSecure ? "\($0)/-/hub/\(id)" : nil }
    }

    /// Notes what a poll says of the feed's hub; what is to be sent to it, if it is to be asked, at most once a day.
    static func ask(
        _ record: inout FeedRecord, _ id: String, _ outcome: FetchOutcome, _ settings: SocialSettings, _ now: WallTime
    ) -> FetchJob? {
        var lease = record.hub
        if case .document(let document, let head) = outcome {
            let topic = document.selfLink ?? head.finalURL
            let isSame = lease?.hub == document.hub && lease?.topic == topic
            if !isSame {
                lease = document.hub.map { HubLease(hub: $0, topic: topic, asked: WallTime(milliseconds: 0)) }
            }
        }
        record.hub = lease
        guard var lease, let callback = callback(id, settings) else { return nil }
        let day = UInt64(Limits.feedHubRenewal.nanoseconds / 1_000_000)
        guard now.milliseconds >= lease.asked.milliseconds + day, now.milliseconds + day >= lease.until.milliseconds
        else {
            return nil
        }
        lease.asked = now
        record.hub = lease
        return FetchJob(url: lease.hub, form: WebSub.subscription(topic: lease.topic, callback: callback))
    }

    /// A hub asks whether what it was asked for is wanted (5.3).
    static func confirm(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let key = SocialKeys.feed(call.parameter(0)) else { return .refused(.noSuchFeed) }
        let stored: Flow<Stored<FeedRecord>> = Cluster.read(key, .quorum)
        return stored.then { stored in
            .with { core in
                let now = core.now.wall
                let day = UInt64(Limits.feedHubRenewal.nanoseconds / 1_000_000)
                guard var record = stored.record, var lease = record.hub, call.form["hub.mode"] == "subscribe",
                    call.form["hub.topic"] == lease.topic, now.milliseconds < lease.asked.milliseconds + day,
                    let challenge = call.form["hub.challenge"]
                else { return .refused(.noSuchFeed) }
                let most = UInt64(Limits.feedHubLease.nanoseconds / 1_000_000_000)
                let seconds = min(UInt64(call.form.text("hub.lease_seconds")) ?? most, most)
                lease.until = WallTime(milliseconds: now.milliseconds + seconds * 1_000)
                record.hub = lease
                return Cluster.write(key, record, context: stored.context, .quorum).map { _ in
                    .response(
                        HTTPResponse(
                            200,
                            [
                                ("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff"),
                                ("cache-control", "no-store"),
                            ], body: Array(challenge.utf8)))
                }
            }
        }
    }

    /// A hub has news (7): the keeper hears of the feed's record, and polls.
    static func notice(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let key = SocialKeys.feed(call.parameter(0)) else { return .refused(.noSuchFeed) }
        let stored: Flow<Stored<FeedRecord>> = Cluster.read(key, .quorum)
        return stored.then { stored in
            .with { core in
                let now = core.now.wall
                guard var record = stored.record, let lease = record.hub, now < lease.until else {
                    return .refused(.noSuchFeed)
                }
                guard record.schedule.hasten(now) else { return .value(SiteAnswers.nothing(202)) }
                return Cluster.write(key, record, context: stored.context, .quorum).map { _ in SiteAnswers.nothing(202)
                }
            }
        }
    }

    static func call(_ call: SiteCall) -> Flow<SiteAnswer> {
        call.request.head.method == .post ? notice(call) : confirm(call)
    }
}
