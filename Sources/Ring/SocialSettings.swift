// What the site of a deployment is, as the ring file's [social] says it (docs/RING.md): whose name it goes by, and what
// people may do there.

import World

package struct SocialSettings: Hashable, Sendable {
    package enum Registration: String, Hashable, Sendable, CaseIterable {
        case open, closed
    }

    /// Where people find the site, as a browser writes an origin (`WebOrigin`). Nil: each node's site has the origin of
    /// its own address, for trying things out.
    package var origin: String?
    /// Where posts are given out as they are, if not on the site itself.
    package var rawOrigin: String?
    /// Where a user's data may have to stay. Ascending by name.
    package var homes: [SocialHome] = []
    package var registration = Registration.open
    /// Posts without a name are taken.
    package var isAnonymousAllowed = true
    /// Users who may hide posts, ascending.
    package var moderators: [String] = []
    /// Keys among which an hour of the public timeline is divided.
    package var publicShards = 8
    /// Addresses and networks (`IPNetwork`) whose `X-Forwarded-For` is believed. Ascending by their bytes.
    package var trustedProxies: [String] = []
    /// Countries whose nodes fetch feeds, ascending; empty: all.
    package var pollFrom: [String] = []
    /// The rates of people count from this machine too.
    package var limitsLoopback = false

    package init() {}

    /// The cookies of the site never travel in the clear.
    package var isSecure: Bool { origin?.hasPrefix("https://") == true }
}

/// A residency that a user may choose.
package struct SocialHome: Hashable, Sendable {
    /// The suffix of its buckets, `social.posts@NAME`.
    package let name: String
    /// Of the same ring document.
    package let placement: String

    package init(name: String, placement: String) {
        self.name = name
        self.placement = placement
    }
}

extension RingNames {
    /// 1 to 32 bytes of `a-z 0-9 _ -`, beginning with a letter or a digit: a user.
    package static func isUser(_ text: String) -> Bool {
        guard (1...Limits.userNameBytes).contains(text.utf8.count), let first = text.utf8.first else { return false }
        func isWord(_ b: UInt8) -> Bool { (0x61...0x7A).contains(b) || (0x30...0x39).contains(b) }
        return isWord(first) && text.utf8.allSatisfy { isWord($0) || $0 == 0x5F || $0 == 0x2D }
    }
}

extension SocialSettings {
    /// What is wrong with them in this draft; nil if nothing.
    func fault(in draft: RingDraft) -> String? {
        func ascend(_ texts: [String]) -> Bool { zip(texts, texts.dropFirst()).allSatisfy { $0.isSpelledBefore($1) } }
        let countries = draft.countries.map(\.id)
        guard [origin, rawOrigin].allSatisfy({ $0.map(WebOrigin.isCanonical) ?? true }),
            rawOrigin == nil || origin != nil, rawOrigin == nil || rawOrigin != origin
        else { return "an origin of the site is malformed" }
        guard homes.count <= Limits.socialHomes, ascend(homes.map(\.name)),
            homes.allSatisfy({ RingNames.isCountry($0.name) }),
            homes.allSatisfy({ home in draft.placements.contains { $0.name.isSpelled(home.placement) } })
        else { return "the site's homes are malformed, too many, out of order or of no placement" }
        guard moderators.count <= Limits.socialModerators, ascend(moderators), moderators.allSatisfy(RingNames.isUser)
        else { return "the site's moderators are malformed, too many or out of order" }
        guard (1...Limits.publicShards).contains(publicShards) else { return "public_shards is out of range" }
        guard trustedProxies.count <= Limits.trustedProxies, ascend(trustedProxies),
            trustedProxies.allSatisfy({ IPNetwork($0) != nil })
        else { return "the site's trusted proxies are malformed, too many or out of order" }
        guard ascend(pollFrom), pollFrom.allSatisfy(countries.contains) else {
            return "the site polls from a country that is unknown or named twice"
        }
        return missingBucket(in: draft).map { "the site's bucket \($0) is missing, or of another type" }
    }

    private func missingBucket(in draft: RingDraft) -> String? {
        SocialBuckets.all(for: self, placement: draft.defaults.placement).first { wanted in
            let place = draft.buckets.firstPlace { $0.name.isSpelledBefore(wanted.name) }
            guard place < draft.buckets.count, draft.buckets[place].name.isSpelled(wanted.name) else { return true }
            return draft.buckets[place].properties.type != wanted.properties.type
        }?.name
    }
}
