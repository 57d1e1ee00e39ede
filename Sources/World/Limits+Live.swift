// The limits of live reads (shared by the replica that tells of changes, the gateway, and its subscribers).

extension Limits {
    // MARK: What a replica remembers

    /// Changed keys that each shard remembers: some seconds of the fastest writing, hours of the usual, in about 8 MiB.
    public static let liveRingKeys = 65_536
    /// Keys of one watching node that wait to be told. A node that is so far behind begins anew with its ring.
    public static let liveSessionKeys = 131_072
    /// What has left for a node and is not confirmed, in notices and in bytes: a second of a busy key over an ocean.
    public static let liveNotices = 256
    public static let liveNoticeBytes = 1 << 20
    /// Keys that one turn reads for one node: as many as a shard reads in a millisecond.
    public static let liveTurnKeys = 64
    /// Keys of one page of a range that is opened.
    public static let liveListKeys = 1_000
    /// Reads that other nodes wait for; whoever is refused asks again.
    public static let liveReads = 1_024
    /// Reads of a shard for live reads that are under way at once, and keys of one of them: the objects are in memory
    /// together.
    public static let liveReadsUnderWay = 8
    public static let liveKeysAtOnce = 8
    /// Shards of one node, as messages name them: more than any machine has cores.
    public static let liveShards = 1_024
    /// Watches in one message: about 128 KiB.
    public static let liveOrders = 1_024

    // MARK: What a gateway holds

    /// Watches of a node, and those who look at them. Each watch is one on each primary too.
    public static let liveWatches = 65_536
    public static let liveSubscribers = 10_000
    /// Watches of one connection: a page of an application.
    public static let liveWatchesOfConnection = 64
    /// New connections a second from one address, and at once (429 beyond): a page that lost its node and comes back
    /// makes one, a proxy's many pages a few each.
    public static let liveNewPerSecond = 20.0
    /// Keys whose vectors a gateway knows: about 100 MiB.
    public static let liveKeys = 262_144
    /// Contents that it keeps at hand; what is not there is read again.
    public static let liveContentBytes = 64 << 20
    public static let leastLiveContentBytes = 4 << 20
    /// Items that a range may begin with (413 beyond), and may grow to: all of them are known one by one.
    public static let liveRangeItems = 10_000
    public static let liveRangeKeys = 4 * liveRangeItems
    /// Keys that wait for one connection to become writable; beyond, all is sent again.
    public static let liveDirtyKeys = 4_096
    /// Written to a connection at once: what a socket's buffer takes.
    public static let liveWriteBytes = 64 << 10
    /// An event's id: it comes back in a header, beside others.
    public static let liveIDBytes = 16 << 10
    /// States of a document that lie between what a slow connection shows and the newest, if it is told changes: some
    /// seconds of typing.
    public static let liveSteps = 64
    /// Reads under way to make one connection's items whole.
    public static let liveReadsAhead = 64

    // MARK: Times

    /// What is told later after its making counts as so late: the clock that dated it was wrong.
    public static let liveLongestDelay = Span.hours(24)
    /// A replica that has nothing to tell says so this often.
    public static let liveBeat = Span.seconds(1)
    /// A gateway renews its watches this often; without it they are dropped after two such times.
    public static let liveRenewal = Span.seconds(3)
    public static let liveLease = Span.seconds(6)
    /// A primary that was silent for so long (two beats and a slow way) is asked anew; how often, while it stays so.
    public static let liveSilence = Span.milliseconds(2_500)
    public static let liveReopening = Span.seconds(1)
    /// A source that was silent for so long gives way to the next best primary.
    public static let liveSourceSilence = Span.seconds(2)
    /// How long a guard may know more before it is read from: the source most often says the same within a round trip.
    public static let liveGuardPatience = Span.seconds(1)
    /// A read without an answer is made again.
    public static let liveReadAgain = Span.milliseconds(500)
    /// For so long an answer about what changed since an id is waited for before another primary is asked.
    public static let liveResumePatience = Span.seconds(1)
    /// No primary of a watch was heard for so long: those who look at it are told.
    public static let liveLag = Span.seconds(5)
    /// Bytes that keep a quiet connection open through proxies, which close after 30 or 60 seconds.
    public static let liveHeartbeat = Span.seconds(15)
    /// A connection that takes nothing for so long is closed.
    public static let liveStuck = Span.minutes(1)
    /// For so long after the last watch was given up the shards still tell of changes, for who resumes.
    public static let liveRingRest = Span.seconds(600)
    /// A watch that nobody looks at any more is kept for who reconnects.
    public static let liveLinger = Span.seconds(10)

    // MARK: WebSockets

    /// A message, in one frame or several: a request's operations with their context.
    public static let socketMessageBytes = 256 << 10
    /// What somebody says to all who look at the same key, and how often: a cursor that moves.
    public static let saidBytes = 1 << 10
    public static let saidPerSecond = 10
    /// Of so many people the newest words wait while a connection takes nothing.
    public static let saidWaiting = 64
    /// A client is pinged this often, and gone after so long a silence: proxies close after 30 or 60 seconds.
    public static let socketPing = Span.seconds(20)
    public static let socketSilence = Span.seconds(40)
}
