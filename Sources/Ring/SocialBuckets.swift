// The buckets of a site: made from its settings, named in no ring file, and open to nobody but the site itself.
//
// Levels are what a flow of the site asks for when it says nothing else. A read of one replica is enough where a "yes"
// is: before it says "no" the site asks a quorum.

import Causality
import World

package enum SocialBuckets {
    /// Whether the bucket is a site's own, which no call of a node's port may name.
    package static func isReserved(_ bucket: some Collection<UInt8>) -> Bool { bucket.starts(with: prefix.utf8) }

    package static let prefix = "social."

    /// Ascending by name.
    ///
    /// - Parameter placement: of what belongs to no residency.
    static func all(for settings: SocialSettings, placement: String) -> [Bucket] {
        var buckets = rows.map { $0.bucket(placement) }
        for home in settings.homes {
            buckets += rows.filter(\.isResident).map { $0.bucket(home.placement, of: home.name) }
        }
        return buckets.sorted { $0.name.isSpelledBefore($1.name) }
    }

    package static func count(for settings: SocialSettings) -> Int {
        rows.count + settings.homes.count * rows.count { $0.isResident }
    }

    private struct Row: Sendable {
        let name: StaticString
        let write: ConsistencyLevel
        let read: ConsistencyLevel
        var type = BucketType.opaque
        var days: UInt64?
        var hours: UInt64?
        /// Residents' lie with their home's placement.
        var isResident = false
        /// Can be made anew, or counts for an hour: not worth a sync.
        var isBuffered = false
        /// Whoever writes a key writes the same, or what is newer: the last one is as good as all.
        var keepsLast = false
        var maxValueBytes = Limits.defaultValueBytes

        func bucket(_ placement: String, of home: String? = nil) -> Bucket {
            let ttlMs = days.map { $0 * 86_400_000 } ?? hours.map { $0 * 3_600_000 }
            let properties = BucketProperties(
                placement: placement, read: read, write: write, conflict: keepsLast ? .lastWriteWins : .siblings,
                durability: isBuffered ? .buffered : .synced, ttlMilliseconds: ttlMs, maxValueBytes: maxValueBytes,
                type: type)
            return Bucket(name: prefix + name.description + (home.map { "@" + $0 } ?? ""), properties: properties)
        }
    }

    private static let rows: [Row] = [
        Row(name: "users", write: .quorum, read: .one),
        Row(name: "accounts", write: .quorum, read: .quorum, isResident: true),
        Row(name: "profiles", write: .quorum, read: .one, type: .document),
        Row(name: "sessions", write: .quorum, read: .one, days: 30),
        // What is to be done yet of what people asked for.
        Row(name: "work", write: .quorum, read: .quorum, isResident: true),
        Row(name: "owners", write: .quorum, read: .quorum),
        Row(name: "posts", write: .quorum, read: .one, isResident: true, maxValueBytes: Limits.largestValueBytes),
        // Lists of pointers, which are the same whoever writes them.
        Row(name: "timelines", write: .quorum, read: .one, keepsLast: true),
        Row(name: "public", write: .quorum, read: .one, keepsLast: true),
        // A set that grows: of two that were written unseen neither may be lost.
        Row(name: "slots", write: .quorum, read: .one),
        Row(name: "inbox", write: .one, read: .one, days: 30, isBuffered: true, keepsLast: true),
        Row(name: "following", write: .quorum, read: .one),
        Row(name: "followers", write: .quorum, read: .one),
        Row(name: "counts", write: .one, read: .one, isBuffered: true, keepsLast: true),
        Row(name: "drafts", write: .quorum, read: .one, type: .document, days: 90, isResident: true),
        Row(name: "feeds", write: .quorum, read: .one),
        Row(name: "items", write: .quorum, read: .one, days: 180),
        Row(name: "reports", write: .quorum, read: .quorum),
        Row(name: "throttle", write: .one, read: .one, type: .counter, hours: 1, isBuffered: true),
    ]
}

extension RingDraft {
    /// Gives the draft a site, and that its buckets. Call when its placements and defaults stand.
    package mutating func addSite(_ settings: SocialSettings) {
        social = settings
        buckets += SocialBuckets.all(for: settings, placement: defaults.placement)
        buckets.sort { $0.name.isSpelledBefore($1.name) }
    }
}
