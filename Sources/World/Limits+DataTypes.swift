// Limits of typed objects (docs/TYPES.md), each with its reason.

extension Limits {
    /// Steps of a path: deeper documents are trees of something else, and whoever walks one does so by recursion.
    public static let pathSteps = 64
    /// A path's bytes, as much as a key has: deltas and the ledger repeat it.
    public static let pathBytes = 1_024
    /// Fields of a map, elements of a set, items of a list: past it an object should be several keys.
    public static let containerEntries = 65_536
    /// The largest element of a set: it is compared whole, and repeated where it is discarded.
    public static let elementBytes = 1_024
    /// Operations of one request, and what they bring together: all of them are done in one turn of a shard.
    public static let requestOperations = 1_024
    public static let requestOperationBytes = 256 << 10
    /// What one operation puts into a text: a page of a book is 2 KiB.
    public static let insertedTextBytes = 64 << 10
    /// A counter's total, either way: sums of two stay within 64 bits.
    public static let counterTotal: Int64 = 1 << 62
    /// Writers whose last request an object remembers, and requests that were tried again: as many people at one
    /// document within ten minutes.
    public static let ledgerEntries = 1_024
    /// Requests that took effect twice, of which the second is void. A write that is tried again is refused past it.
    public static let voidRequests = 1_024
    /// A union of replicas that were apart may have so many times as much of what is bounded where it is written.
    public static let mergedShare = 4
    /// How long a writer tries again: what the ledger has dropped since is not guessed (409 `retry-unknown`).
    public static let retryWindowMilliseconds: UInt64 = 600_000
    /// Deleted elements that make a sweep worth its delta: about 4 KiB; and one part in so many must be deleted.
    public static let sweptElements = 1_024
    public static let sweptShare = 4
    /// An object of so many bytes travels whole: it is hardly more than what a request changes in it, and can be merged
    /// whatever its reader has seen.
    public static let wholeChangeBytes = 512
    /// A stored typed object of more bytes than this is not written anew with each change: the change is, as a row
    /// behind it. Below, a row would be hardly less.
    public static let loggedBytes = 1_024
    /// Rows behind an object at most, but for as long as they are few bytes; reading it merges all of them.
    public static let loggedChanges = 128
    /// Rows of so many bytes, and of this share of the object, are few: folding them would write more than they are.
    public static let loggedRowBytes = 4 << 10
    public static let loggedShare = 4
    /// Decoded typed objects that the shards of a node keep, all together.
    public static let typedCacheBytes = 64 << 20
    /// Of one shard, however little memory the node may use: some objects of the usual size.
    public static let leastTypedCacheBytes = 1 << 20
    /// A counter of a dot within a typed object: two writes in each microsecond of a century. Ids pack it with the
    /// place of its actor.
    public static let packedCounter: UInt64 = (1 << 54) - 1
}
