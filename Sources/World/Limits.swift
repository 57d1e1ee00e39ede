// Every limit of the system, each with its reason: those of requests and of one node here, those of patches in
// Limits+Patches.swift, those of what nodes do with each other in Limits+Cluster.swift. What a limit refuses is
// answered with a clear error, never a crash.

/// Bounds on what clients, peers, files and our own queues may hold. Sizes are in bytes unless the name says otherwise.
public enum Limits {
    // MARK: Names and keys

    /// Long enough for `country-city-rack-host`; short enough to repeat in every dot.
    public static let nodeNameBytes = 64
    /// A bucket is a table's name, not data.
    public static let bucketNameBytes = 64
    /// Bucket, partition key and sort key together (design: "at most 1 KiB together"): keys are repeated in every index
    /// block, frame and listing.
    public static let keyBytes = 1_024
    /// A stored key is a little longer than the client's: a token, two terminators, and each zero byte doubled.
    public static let storedKeyBytes = 2 * keyBytes + 16
    /// RFC 4288 bounds a media type to 127 + 1 + 127; parameters fit in the rest.
    public static let contentTypeBytes = 255

    // MARK: Objects

    /// The default `max_value` of a bucket. Larger things belong in chunks: one value is one frame, one allocation and
    /// one LevelDB record on each replica.
    public static let defaultValueBytes = 1 << 20
    /// The body of a call that reads none: room for what a client's library sends unasked.
    public static let otherBodyBytes = 4 << 10
    /// The largest `max_value` a ring file may name: a quarter of a frame, so that a few siblings still fit.
    public static let largestValueBytes = 8 << 20
    /// Objects of so many bytes live apart from the small ones: below it a second look costs more than it saves, and
    /// LevelDB's blocks, of 4 KiB, are not yet one object each.
    public static let apartBytes = 16 << 10
    /// Siblings of one key where it is written. Past it a write is refused (409 `too-many-siblings`): a client that
    /// never merges would otherwise grow the object, and every read of it, without bound.
    public static let siblings = 64
    /// Siblings of one key after a merge. However replicas were cut off from each other, what still stands of one
    /// replica's writes stood together when it took the last of them, within `siblings`; so each adds that many at
    /// most.
    public static let mergedSiblings = siblings * replicas
    /// Entries of one version vector: one per node incarnation that ever coordinated a write of the key. A write that
    /// would need more is refused (409 `vector-full`).
    public static let versionVectorEntries = 512
    /// The same where the key is written: each side of a cut adds its own entry to what all of them had.
    public static let mintedVersionEntries = versionVectorEntries - replicas
    /// Attempts that one object remembers as void, the latest: each is a write that was handed on because its first
    /// replica fell silent. As many as clients write one key at once while that happens; and what was handed on before
    /// so many others is long settled.
    public static let voidedAttempts = 64
    /// A context as it is decoded from its header. In base64 a third more, which must fit into `headerBytes`.
    public static let contextBytes = 20 << 10
    /// The context that an object may give when a write is accepted: half of what is taken back, since replicas that
    /// took writes apart give the context of their union.
    public static let mintedContextBytes = contextBytes / 2

    // MARK: HTTP

    /// One header, and all of them together with as much more as a target may take; past it 431. Contexts are the
    /// largest honest header.
    public static let headerBytes = 32 << 10
    public static let headerCount = 64
    /// The target alone; past it 414. A key of 1 KiB fully percent-encoded takes 3 KiB.
    public static let targetBytes = 8 << 10
    /// Open client connections of one node, live reads among them (`liveSubscribers`). A block of `receiveBytes` each,
    /// and as much of small answers that are not read, make 512 MiB at the very most; a head that is still coming in
    /// (40 KiB) is held for `headerReadTimeout` only, and all else is counted in `clientBytes`. Fewer connections where
    /// the process may not have so many files open.
    public static let httpConnections = 16_384
    /// Read from a client at once, and written to one that does not read before its next request is looked at. What is
    /// made ready for a connection begins at a head's size and falls where less comes.
    public static let receiveBytes = 16 << 10
    public static let receiveBytesAtFirst = 2 << 10
    public static let receiveBytesAtLeast = 512
    /// Connections that the kernel has accepted and the node has not: a burst of a client's whole pool.
    public static let waitingConnections = 1_024
    /// What is kept of a request line's beginning: enough for every method that the parser knows, and a blank.
    public static let methodBytes = 24
    /// A new connection that says nothing: long enough for a pool that connects ahead of its requests.
    public static let firstByteTimeout = Span.seconds(30)
    /// From the first byte of a request to its last header (slow-loris), and between two body chunks.
    public static let headerReadTimeout = Span.seconds(10)
    public static let bodyReadTimeout = Span.seconds(30)
    /// Bytes a second that a body must come with on the whole, beyond `bodyReadTimeout`: a tenth of a poor mobile link.
    /// A byte now and then would hold a connection, and its body's memory, for ever.
    public static let bodyLeastRate = 4 << 10
    /// Bytes of chunk heads (sizes and extensions) in a chunked body: so many from the start, and so many more for each
    /// byte of the body. Chunks of single bytes take five; a head that goes on and on would hold a connection for ever.
    public static let chunkHeadBytes = 4 << 10
    public static let chunkHeadBytesPerByte = 16
    /// How long a client may take to read an answer that is larger than the socket's buffers.
    public static let answerReadTimeout = Span.minutes(10)
    /// A keep-alive connection without a request. Longer than common client pools keep theirs (60 s), so that the
    /// client closes first and no request meets a closing socket.
    public static let idleTimeout = Span.seconds(90)
    /// What a loop holds in memory for its clients: bodies from their first byte until their write is answered, what
    /// reads and lists on their way are expected to bring, and answers of more than `receiveBytes` until the socket has
    /// taken them. Past it 503, or the slowest reader is let go: 32 of the largest values, or 256 of usual ones.
    public static let clientBytes = 256 << 20
    /// A client whose answer has waited for this long may be let go where another needs the room: twice the time that a
    /// value of 1 MiB takes on a mobile link of 2 Mbit/s.
    public static let readerGrace = Span.seconds(10)
    /// An answer is made and written in pieces of this size, as the socket takes them: a socket's own buffer.
    public static let answerPieceBytes = 64 << 10
    /// Pieces written to one client before the others have their turn: 1 MiB is a millisecond's work.
    public static let answerPiecesPerTurn = 16
    /// After an error that ends the connection: a client that still sends would lose the answer to a reset, so it has
    /// this long to read it.
    public static let lingerTimeout = Span.milliseconds(500)
    /// Items of one page of a list, and its bytes, as they are stored: each replica that is asked makes such a page,
    /// and the gateway holds all of them. One item alone may be larger.
    public static let rangeItems = 1_000
    public static let rangeBytes = 4 << 20
    /// A page of so many items is read by the shard of their keys, among its writes: some 60 µs. The usual page, the
    /// one more that tells whether anything follows, and a little. Longer ones have a thread of their own.
    public static let pageItems = 128
    /// What such a page may have, as it is stored, before that other thread takes it: a quarter of a millisecond to
    /// read and to copy.
    public static let pageBytes = 256 << 10
    /// The same of all pages of one batch: whoever waits for the batch waits a millisecond longer at most.
    public static let pageBytesInBatch = 1 << 20
    /// A page may take long whatever its size: off a slow disk, or where LevelDB has to pass over thousands of older
    /// versions of a key. After so long, about what a slow disk's sync takes, the other thread reads it, and for
    /// `pagePause` all of the shard's pages: a twentieth of its time at most goes into what comes to nothing.
    public static let pageTime = Span.milliseconds(5)
    public static let pagePause = Span.milliseconds(100)
    /// What suits a person who looks.
    public static let defaultRangeItems = 100
    /// A page is fetched again this often where all of it was deleted items, before the client is told to go on itself.
    public static let rangeRounds = 8
    /// Items that one list mends: the rest is left to anti-entropy, or to the next list. With the asks of all rounds
    /// they stay below the 256 that a request may number.
    public static let rangeRepairs = 64

    // MARK: Requests

    /// Default and largest time a request may take. Beyond a minute no client waits, and the coordinator's state is
    /// held.
    public static let defaultRequestTimeout = Span.seconds(5)
    public static let largestRequestTimeout = Span.seconds(60)
    /// A replica that has not answered a write after this long gets a hint written for it elsewhere.
    public static let replicaTimeout = Span.milliseconds(1_500)
    /// A write that reaches the replica which is to mint it later than this after it was sent is not made: its gateway
    /// asks another after `replicaTimeout`, and the rest is for clocks that run apart (a fifteenth).
    public static let mintAge = Span.milliseconds(1_400)
    /// A request that nobody can answer just now looks again for whom to ask after this long, and then after twice as
    /// long, up to the longest; its deadline ends it. A link to a node that is just back stands within this time.
    public static let askAgainFirst = Span.milliseconds(20)
    public static let askAgainLongest = Span.milliseconds(500)
    /// Hedged reads that a quiet time may save up: more at once would double the load of a cluster that is slow as a
    /// whole.
    public static let savedHedges = 10.0
    /// Asks of one request, all tries together: slots are numbered in a byte.
    public static let asksPerRequest = 240
    /// Replicas that one gateway's loop gives all of a key at once: each is as long as the object.
    public static let catchUps = 32
    /// Writes of one event loop that are answered and not yet everywhere. Past it the oldest is given to its hints and
    /// no longer looked after: it must not take a client's place.
    public static let trailingWrites = 4_096
    /// What these hold in memory.
    public static let trailingBytes = 32 << 20
    /// How long requests may take to end once the node stops: with the default timeout all of them have ended. It is
    /// looked so often whether they have.
    public static let gracePeriod = Span.seconds(10)
    public static let stopLook = Span.milliseconds(20)
    /// Requests in flight per event loop, those that are answered apart; past it 503 `overloaded`: queueing more would
    /// only make all of them late.
    public static let requestsInFlight = 8_192
    /// Replicas per key: more than seven copies buy no safety that countries do not.
    public static let replicas = 16

    // MARK: Peers

    /// One frame: an object at its largest (`siblings` values would not fit; a replica refuses to grow past this).
    public static let frameBytes = 32 << 20
    /// What one object may take encoded: a frame less its envelope.
    public static let objectBytes = (32 << 20) - (64 << 10)
    /// What of it an object may take where it is written, if so many replicas have it: as with `mergedSiblings`, each
    /// of them can add that much to a merge, and replicas whose merge no frame carries would differ for ever. The few
    /// KiB are for places in a merged version vector that take a byte more.
    public static func mintedBytes(replicas: Int) -> Int { (objectBytes - (4 << 10)) / max(1, replicas) }
    /// Fields in one frame, those of its elements apart: what it takes to build them is many times what they take here.
    /// A page of `rangeItems` has most, and a few fields beside them.
    public static let frameFields = rangeItems + 24
    /// A run of numbers in a frame, in bytes: `batchRequests` ids of at most ten each.
    public static let packedBytes = 10 * batchRequests
    /// A sentence from a peer: why it refused.
    public static let reasonBytes = 1_024
    /// What names a ring document in a greeting: SHA-256, or what a later version may take.
    public static let ringDigestBytes = 64
    /// A frame before it is known who the peer is: a stranger gets no more memory than this.
    public static let handshakeBytes = 4 << 10
    /// Connections of nodes that have no ring yet, at once. They are strangers, so they get one answer and
    /// `handshakeTimeout` for all of it: even a rack that is switched on has its rings within seconds.
    public static let joiningConnections = 16
    /// Read at once from a connection that carries repair and hints: some tenths of a millisecond's work for a loop.
    public static let bulkReadBytes = 16 << 10
    /// Bytes waiting to be written to one peer connection; past it sends fail at once and count as no answer.
    public static let peerQueueBytes = 64 << 20
    /// Accepted peer connections: 64 nodes with 16 loops and 2 more lanes each.
    public static let peerConnections = 2_048
    /// Until it is known who a peer is, and until a node that joins has the ring.
    public static let handshakeTimeout = Span.seconds(5)
    /// A machine repeats a question for a connection after 1 s, and then only after 2 s more (RFC 6298): the attempt
    /// ends shortly before, so that with the next one a question leaves in every second. A round trip around the world
    /// takes less than half a second.
    public static let connectTimeout = Span.milliseconds(1_900)
    /// What was sent to a peer and not acknowledged by its machine for so long ends the connection. TCP repeats what is
    /// lost after about as long again as it has tried already: a connection that is cut for less than this goes on
    /// within 2 s of the heal, one that is cut for longer is made anew.
    public static let peerSilence = Span.seconds(3)
    /// An accepted connection on which nothing comes is looked after this often: of a peer that vanished while it had
    /// nothing to say nobody else would tell, and what it held would be held for ever.
    public static let peerProbe = Span.seconds(60)
    /// Reconnecting: first pause and longest pause (doubled each time, with jitter), so that a peer that is back is
    /// asked within a second; and the pause after an attempt that nobody has answered, which was one itself.
    public static let reconnectFirst = Span.milliseconds(50)
    public static let reconnectLongest = Span.seconds(1)
    public static let reconnectUnanswered = Span.milliseconds(100)

    /// A node that starts waits so long, before it says that it is ready, for those that live to connect: more than a
    /// `connectTimeout` and two of `reconnectLongest`. One that cannot reach it keeps it from serving no longer.
    public static let readyGrace = Span.seconds(10)

    // MARK: Storage

    /// Requests waiting for one storage thread; past it they are answered `busy`.
    public static let mailboxRequests = 16_384
    /// How far a storage thread steps back where nodes share the cores, of 19: it still has a tenth of a core for each
    /// that somebody else keeps busy. With 5 others wait for half as long again, with 19 a seventh less.
    public static let storageNiceness: Int32 = 10
    /// What these requests hold in memory: peers go on sending to a node whose disk stalls.
    public static let mailboxBytes = 256 << 20
    /// Repairs and hints that wait beside them: what four peers have under way of small keys, and eight of larger ones.
    /// Past it they are answered `busy` and come again later.
    public static let mailboxRepairs = 16_384
    public static let mailboxRepairBytes = 64 << 20
    /// Keys of one insert of a value under many, and of one merge into many: a slice of inboxes, and a hint for each of
    /// them at three nodes has room among the asks of a request; where there is none the key is left.
    public static let insertedKeys = 64
    /// Requests, and bytes of new data, in one batch: one sync is shared by all, but the last one waits for the first.
    public static let batchRequests = 512
    public static let batchBytes = 16 << 20
    /// Of what repair and hints bring so many, and bytes, are in one batch: it takes a storage thread a millisecond or
    /// two, and no client waits longer for it.
    public static let repairsInBatch = 256
    public static let repairBytesInBatch = 1 << 20
    /// Of those so many beside what somebody waits for: half a millisecond of a thread's time, and the sync.
    public static let repairsBesideOthers = 64
    /// A node that was asked for something so lately is serving: ten requests a second are few, and those who make them
    /// wait for each all the same.
    public static let repairQuiet = Span.milliseconds(250)
    /// A thread of a node that serves rests this many times as long as it has worked for repair: with a seventh of its
    /// time it still merges some twenty thousand small keys a second. No rest is longer than this, so that the pages of
    /// some peers on a slow disk, one behind the other, are answered within `exchangePatienceLongest`.
    public static let repairRest: Int64 = 6
    public static let repairRestLongest = Span.milliseconds(250)
    /// Free disk under which clients' values, and hints with values, are refused with 507, as a share of the disk.
    public static let leastFreeDisk = 0.10
    /// The same as an amount, for small disks: LevelDB's log, the two write buffers of 8 MiB, and of 4 MiB for large
    /// values, that it may be writing out, and a compaction's first table must find room after the last write that was
    /// taken.
    public static let leastFreeBytes: UInt64 = 44 << 20
    /// Free disk under which values from other replicas are refused too: repair, and hints that come home. They go on
    /// longer than clients' writes, since refusing them leaves replicas apart, but they must not fill the disk either.
    public static let leastFreeDiskForRepair = 0.05
    /// One write buffer below `leastFreeBytes`: what may still come in before the next look at the disk.
    public static let leastFreeBytesForRepair: UInt64 = 36 << 20
    /// Free disk under which nothing is taken. Above it deletions are: without them nobody could make room.
    public static let leastFreeDiskForDeletions = 0.025
    /// Two write buffers of each kind that are being written out and a log filled ahead; a disk without them fails
    /// LevelDB's write.
    public static let leastFreeBytesForDeletions: UInt64 = 28 << 20
    /// How often a node looks at what its disk has left: no more than some write buffers come in meanwhile.
    public static let diskLook = Span.milliseconds(100)
    /// A disk counts as full for the other nodes until it has this much more than its bound: hints that are let go at
    /// the bound itself would reach it again at once, and each turn has all replicas compared.
    public static let freeDiskMargin = 1.1
    /// A node's delivery is tried again so long after it refused one because its disk is full. Gossip usually says
    /// sooner that there is room.
    public static let fullDiskPause = Span.seconds(5)
    /// For so long after its end an expired value keeps its bytes on the disk: clocks of well-kept machines differ by
    /// less, and what one of them has dropped no other brings back.
    public static let expiryGrace = Span.seconds(5)
    /// What has expired of a typed key is removed by a write, which the first of its primaries makes so long after; the
    /// second only as long after that, and so on: one of them is enough, unless it is away. By then repair has told it
    /// of later writes, which may have put off the end.
    public static let expiryTurn = Span.minutes(10)
    /// Objects with expired values that were found and wait to be rewritten; past it they are found again.
    public static let expiredObjects = 65_536
    /// Of those so many are rewritten at once, ten times a second, and such as have so many bytes: 1,000 objects and 40
    /// MiB a second are a fraction of what a shard does for clients.
    public static let expiredAtOnce = 100
    public static let expiredBytesAtOnce = 4 << 20
    /// A read reply larger than this is sent as a summary by all but one replica.
    public static let wholeReplyBytes = 2_048
    /// The largest share of a node's memory that hot objects may take, per event loop.
    public static let readCacheBytes = 16 << 20

    // MARK: Memory

    /// What a node takes without anything in its caches and queues: code, stacks, what the allocator keeps, indexes and
    /// filters of open tables.
    public static let processBytes = 64 << 20
    /// Hot objects, writes that trail, requests and repairs that wait, at the least: some thousand small ones. One that
    /// is larger finds room where nothing else is.
    public static let leastReadCacheBytes = 1 << 20
    public static let leastTrailingBytes = 1 << 20
    public static let leastMailboxBytes = 4 << 20
    public static let leastMailboxRepairBytes = 1 << 20
    /// A body and an answer of the largest values that a ring may allow.
    public static let leastClientBytes = 2 * largestValueBytes
    /// What repair may have on its way to a peer, which leaves all at once.
    public static let leastPeerQueueBytes = repairFlightBytes
    /// What a client's connection takes beside what is counted for it: a block to read into, and small answers.
    public static let connectionBytes = 2 * receiveBytes
    /// The least and the most that `--memory` may say.
    public static let memoryBytes = (64 << 20)...(1 << 50)

    /// Event loops of a node that is not told how many: each has a connection of its own to every peer, and what peers
    /// accept is provided for this many, or as many as they have themselves.
    public static let usualLoops = 16

    /// What of a damaged store's mark is read: a sentence, whatever somebody has put there.
    public static let damageReasonBytes = 1_000

    // MARK: Files

    /// LevelDB's own: blocks of objects kept in memory, and its write buffer, of which up to two are held.
    public static let blockCacheBytes = 32 << 20
    public static let writeBufferBytes = 8 << 20
    /// A table as LevelDB has it if it is not told.
    public static let tableBytes = 2 << 20
    /// The write buffer of large values. The more it takes, the less often a write waits until one is on the disk;
    /// where there is little memory, and on a small disk, it is smaller: what is in two of them must find room at any
    /// time.
    public static let largeBufferBytes = 4 << 20...64 << 20
    /// As much as so many write buffers of large values may be dead before it is taken away: each time LevelDB merges
    /// the values beside, so that the more are taken together, the less is written.
    public static let deadBuffers = 4
    /// A table of large values: some hundred of them, not twenty.
    public static let largeTableBytes = 16 << 20
    /// Fewer LevelDB does not take.
    public static let leastOpenFiles = 74
    /// What these hold at the least, however little memory a node may use: a handful of blocks, and a few thousand
    /// small writes.
    public static let leastBlockCacheBytes = 1 << 20
    public static let leastWriteBufferBytes = 1 << 20
    /// Files that either store of objects holds open at most: with tables of 2 MiB they are a gigabyte, and what is
    /// read less often may open its table anew.
    public static let storeFiles = 512
    /// LevelDB opens at least so many tables (64), and keeps ten files beside them.
    public static let smallestStoreFiles = 74
    /// Listeners, event loops, logs, locks, frontiers, the process's own three.
    public static let otherFiles = 64
    /// Clients that a node must be able to serve to be worth starting.
    public static let fewestClients = 64
}
