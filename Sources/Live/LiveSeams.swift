// What a node gives live reads in memory, and where tests plant bugs in them.

import World

package struct LiveRoom: Sendable {
    /// Contents that the gateway keeps at hand, in bytes.
    let contentBytes: Int
    /// Changed keys that each shard remembers.
    let ringKeys: Int
    var seams = LiveSeams()

    package init(contentBytes: Int = Limits.liveContentBytes, ringKeys: Int = Limits.liveRingKeys) {
        self.contentBytes = contentBytes
        self.ringKeys = ringKeys
    }
}

/// Each is a rule that is left out, to see it noticed.
struct LiveSeams: Sendable {
    /// What a guard knows, and nobody has sent, is read from it.
    var readsFromGuards = true
    /// What is older than what is known, or beside it, takes its place.
    var staleOverwrites = false
    /// A watch that is opened again begins with nothing to tell.
    var forgetsDirtyKeys = false
    /// A position counts however long ago it was.
    var trustsAnyPosition = false
    /// Watches are dropped that nobody renews.
    var leasesEnd = true
}
