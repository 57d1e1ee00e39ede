// What a gateway and a replica say to each other about live reads.
//
//     gateway   watch, unwatch, renew, read, changes, say ──▶                                  replica
//               ◀── notice (numbered), refused, unknown, contents, changed, said
//
// A stream is one run of numbered notices from a replica to a gateway. The gateway begins it, and begins another
// wherever it finds that something is missing: nothing is ever sent twice to mend a stream.

import Causality
import DataTypes
import World

/// Later streams of one gateway are greater, over its lives too.
package struct LiveStream: Hashable, Comparable, Sendable {
    package let life: UInt64
    package let count: UInt64

    package static func < (a: LiveStream, b: LiveStream) -> Bool {
        a.life == b.life ? a.count < b.count : a.life < b.life
    }
}

/// A watch as a gateway orders it from one primary; an order of the same id takes the place of an earlier one.
package struct WatchOrder: Hashable, Sendable {
    let id: UInt32
    let target: LiveTarget
    /// The source sends contents, the others (guards) vectors.
    let isSource: Bool
    /// All that changed up to there is known to the gateway. Nil: everything is to be told.
    let since: ChangeMark?

    var digest: UInt64 { target.digest(id: id, isSource: isSource) }
}

package enum WatchRefusal: UInt8, Hashable, Sendable, CaseIterable {
    /// By this node's ring it is no primary.
    case notReplica = 0
    /// More items than a range may begin with.
    case tooLarge = 1
    /// This node has as many watches of the other as it takes.
    case overloaded = 2
}

/// A key as a replica holds it now.
enum LiveState: Hashable, Sendable {
    /// The bytes of a stored object, of whatever type.
    case object([UInt8])
    /// Of one that is not sent; empty where there is none.
    case versions(VersionVector)
}

package struct LiveItem: Hashable, Sendable {
    let key: [UInt8]
    let state: LiveState
}

/// The watch `id` was taken up, and is of this shard. What stood and what changed since the order follows up to the
/// next `reached` of that shard.
struct OpenedWatch: Hashable, Sendable {
    let id: UInt32
    let shard: Int
}

package struct LiveNotice: Hashable, Sendable {
    let stream: LiveStream
    /// From 0, without a gap.
    let number: UInt64
    /// Of the replica.
    let life: UInt64
    var opened: [OpenedWatch] = []
    var items: [LiveItem] = []
    /// With this notice all that the shards' changes up to there mean for the stream's opened watches was sent.
    var reached: [ReachedPosition] = []
}

struct ReachedPosition: Hashable, Sendable {
    let shard: Int
    let position: UInt64
}

/// What somebody who looks at a key says to the others who do.
package struct LiveWords: Hashable, Sendable {
    let key: [UInt8]
    let from: Writer
    /// JSON, of at most `Limits.saidBytes`.
    let data: [UInt8]
}

package enum LiveMessage: Hashable, Sendable {
    /// `isFirst`: begins the stream; all that was ordered before is void.
    case watch(LiveStream, isFirst: Bool, [WatchOrder])
    case unwatch(LiveStream, [UInt32])
    /// The lease: how many watches the stream should have, and the sum of their digests. Notices below `confirmed` have
    /// been taken in.
    case renew(LiveStream, confirmed: UInt64, count: UInt64, digest: UInt64)
    case read(key: [UInt8])
    /// The keys of `target` that changed after `since`?
    case changes(ask: UInt64, LiveTarget, since: ChangeMark)
    /// To all who watch the key: told once, and kept nowhere.
    case say(LiveWords)

    case notice(LiveNotice)
    case refused(LiveStream, [UInt32], WatchRefusal)
    /// The replica knows no such stream, or other watches: everything is to be ordered again.
    case unknown(LiveStream)
    case contents(LiveItem)
    /// Nil: more than it remembers.
    case changed(ask: UInt64, keys: [[UInt8]]?)
    case said(LiveWords)
}
