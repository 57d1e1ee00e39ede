// Live reads of the core's own: ranges that it looks at, as anybody may who reads Server-Sent Events (docs/LIVE.md).

import JSON
import Keys
import Live
import World

/// What a followed range tells.
enum Followed {
    /// The records that stand under a sort key now; of siblings one. Nil where it is no JSON.
    case item(String, JSONValue?)
    case removed(String)
    /// All that stood was told.
    case ready
    /// Too much was missed: all follows again.
    case reset
}

/// A live read under way.
struct LiveFollowing {
    let hear: (inout SocialCore, Int, Followed) -> Void
    let subscription: LiveSubscription
    let places: Int
    fileprivate var text: [UInt8] = []
}

extension SocialCore {
    /// Nil if a range has no key.
    mutating func follow(
        _ ranges: [SocialRange], _ hear: @escaping (inout SocialCore, Int, Followed) -> Void
    ) -> UInt64? {
        var watches: [LiveSubscription.Watch] = []
        for (place, range) in ranges.enumerated() {
            guard
                let target = try? LiveTarget(
                    bucket: Array(range.bucket.utf8), partitionKey: Array(range.partition.utf8),
                    start: range.start.map { Array($0.utf8) }, end: range.end.map { Array($0.utf8) },
                    prefix: range.prefix.map { Array($0.utf8) })
            else { return nil }
            watches.append(LiveSubscription.Watch(target: target, name: Array("\(place)".utf8)))
        }
        guard !watches.isEmpty else { return nil }
        let subscription = LiveSubscription(watches: watches, resume: nil, tellsPositions: false)
        let number = followings.insert(
            LiveFollowing(hear: hear, subscription: subscription, places: ranges.count))
        out.emit(.subscribe(number, subscription))
        return number
    }

    mutating func unfollow(_ number: UInt64) {
        if followings.remove(number) != nil { out.emit(.unsubscribe(number)) }
    }

    mutating func hear(_ number: UInt64, _ input: LiveInput) {
        guard var following = followings.take(number) else { return }
        switch input {
        case .ended:
            // Overloaded, or the node's hub began anew: all is asked for again, under the same number.
            following.text = []
            let (places, subscription, hear) = (following.places, following.subscription, following.hear)
            followings.put(following, number)
            for place in 0..<places { hear(&self, place, .reset) }
            after(Limits.socialFollowAgain) { core, _ in
                if core.followings.contains(number) { core.out.emit(.subscribe(number, subscription)) }
            }
        case .bytes(let pieces):
            for piece in pieces { following.text += piece }
            let events = EventText.take(from: &following.text)
            let hear = following.hear
            followings.put(following, number)
            for event in events { tell(event, hear) }
            out.emit(.taken(number))
        }
    }

    private mutating func tell(_ event: EventText, _ hear: (inout SocialCore, Int, Followed) -> Void) {
        guard let data = try? JSONValue.decode(event.data), let watch = data.text("watch"), let place = Int(watch)
        else {
            return
        }
        switch event.name {
        case "ready": hear(&self, place, .ready)
        case "reset": hear(&self, place, .reset)
        case "removed": if let sort = data.text("sort") { hear(&self, place, .removed(sort)) }
        case "item":
            guard let sort = data.text("sort") else { return }
            let texts = [data.text("value")] + (data["siblings"]?.array ?? []).map { $0.text("value") }
            let values = texts.compactMap { $0.flatMap { try? JSONValue.decode(Array($0.utf8)) } }
            hear(&self, place, .item(sort, values.first))
        default: break
        }
    }
}

/// One of the events of a text (WHATWG HTML, 9.2.6), of those that `Live` writes.
struct EventText {
    var name = ""
    var data: [UInt8] = []

    /// The whole events at the front of `text`, which loses them.
    static func take(from text: inout [UInt8]) -> [EventText] {
        var events: [EventText] = []
        var event = EventText()
        var line = text.startIndex
        var taken = text.startIndex
        while let end = text[line...].firstIndex(of: 0x0A) {
            let bytes = text[line..<end]
            line = end + 1
            if bytes.isEmpty {
                if !event.data.isEmpty { events.append(event) }
                event = EventText()
                taken = line
            } else if bytes.starts(with: Array("event: ".utf8)) {
                event.name = String(decoding: bytes.dropFirst(7), as: UTF8.self)
            } else if bytes.starts(with: Array("data: ".utf8)) {
                event.data += bytes.dropFirst(6)
            }
        }
        text.removeSubrange(..<taken)
        return events
    }
}
