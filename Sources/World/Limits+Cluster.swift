// The limits of what nodes do with each other, of rings, names and the tool (Limits.swift).

extension Limits {
    // MARK: Hints

    /// Hints kept for one node, and for all. A full disk of hints must never fail a healthy write: the hint is dropped,
    /// counted, and anti-entropy repairs what it would have carried.
    public static let hintBytesPerNode = 1 << 30
    public static let hintBytes = 4 << 30
    /// The hint store's cache of blocks, and its write buffer: each hint is written once and read once, in order.
    public static let hintCacheBytes = 1 << 20
    public static let hintBufferBytes = 4 << 20
    /// A hint older than this is dropped: the node is not coming back soon, and anti-entropy is cheaper than the queue.
    public static let hintAge = Span.hours(24 * 3)
    /// Hints a second: a node that comes back is busy enough.
    public static let hintsPerSecond = 5_000
    /// Bytes of hints on their way to all targets together: what 300 Mbit/s carry in a round trip of 220 ms. They are
    /// held in memory on both sides.
    public static let hintFlightBytes = 8 << 20
    /// What is remembered of the order in which hints came: some 80,000 keys. Older ones go home last.
    public static let hintOrderBytes = 8 << 20
    /// Where a window in bytes begins, and its least: half a second of a line of 1 Mbit/s.
    public static let windowBytes = 64 << 10
    /// For so long the shortest round trip to a node is believed to be that of the way alone; then it is measured anew,
    /// which takes a round trip or two with a small window (BBR's ten seconds).
    public static let roundTripFreshness = Span.seconds(10)
    /// How long a delivery is waited for before the hint is sent again, at first and at the most: the largest hint
    /// takes the longer of them on 5 Mbit/s.
    public static let hintPatience = replicaTimeout * 2
    public static let hintPatienceLongest = Span.minutes(1)
    /// Deliveries to one target whose answer still counts though it is late: a window full of hints of 100 bytes on a
    /// line that stalls, and no more memory than a megabyte.
    public static let hintsLate = 4_096
    /// A node that did not take a hint is left alone for so long: whatever kept it is rarely over at once.
    public static let hintPause = Span.seconds(1)
    /// A hint that its replica refuses for what it is, as it is too large, is tried again this seldom: until then the
    /// ring, the node's version or the hint may have changed.
    public static let refusedHintPause = Span.minutes(10)
    /// So many of one target at the most rest like that. One that refuses more is left alone itself.
    public static let hintsResting = 1_024

    // MARK: Anti-entropy

    /// Every pair of replicas is compared about once in this time, unless an operator says otherwise: the hash of all
    /// that a node of gigabytes holds takes some percent of it.
    public static let repairCycle = Span.minutes(10)
    /// Fingerprints in one answer of an exchange: two such rounds tell 65,536 slices of a partition apart.
    public static let compareSlices = 256
    /// What one answer to a compare reads, in bytes and in keys: some tenths of a second on a slow disk. A partition of
    /// gigabytes is compared piece by piece, so that no answer is late and other nodes' compares come in between.
    public static let comparePieceBytes = 8 << 20
    public static let comparePieceKeys = 8_192
    /// One page of repair, in keys and about in bytes: some tenths of a millisecond's work for each thread that it goes
    /// through, so that whoever waits for a core has it soon. Many are under way at once.
    public static let repairPageItems = 64
    public static let repairPageBytes = repairPageItems * repairKeyBytes
    /// A key counts this much at least: what lies in a mailbox is bounded in pieces as well.
    public static let repairKeyBytes = 2 << 10
    /// Pages and merges of repair under way to one peer, in bytes, at the beginning and at the most: some pages, and
    /// what 300 Mbit/s carry in a round trip of 220 ms, which are 4,096 small keys. They are held in memory.
    public static let repairWindowBytes = 2 << 20
    public static let repairFlightBytes = 8 << 20
    /// Exchanges under way with each peer: enough that the partitions of a node of 100,000 small keys, some with a
    /// handful each, wait for a distant peer together and not one after the other.
    public static let exchangesAtOnce = 32
    /// What these may have each disk read at once for their fingerprints: two of the largest pieces, so that the last
    /// answer is no later than `exchangePatience`.
    public static let comparedAtOnce = 2 * comparePieceBytes
    /// An exchange that was broken off is tried again after this long: what broke it is rarely over at once.
    public static let exchangePause = Span.seconds(5)
    /// How long an exchange waits for a step's answer, the first time and at the most (doubled each time that it was in
    /// vain): the largest object takes the longer of them on 11 Mbit/s.
    public static let exchangePatience = Span.seconds(6)
    public static let exchangePatienceLongest = Span.seconds(24)
    /// An exchange ends that hears nothing for so long while the same node answers others: all that may be under way to
    /// it takes half as long on 1 Mbit/s.
    public static let exchangeSilence = Span.minutes(2)

    // MARK: The control loop

    /// Heartbeats, steps of repair and what waits for a tick come no later than this: a sixth of gossip's round.
    public static let controlTick = Span.milliseconds(50)
    /// Between two reports of a node on itself: what others choose by is as old as that and a round of gossip.
    public static let reportEvery = Span.seconds(1)
    /// Hints (those for which no delivery has made room) and what is to be rewritten go out in portions, so often.
    public static let replayEvery = Span.milliseconds(100)

    // MARK: Ring

    /// 2^15 partitions over a few hundred nodes is the planning tool's largest case.
    public static let partitions = 1 << 15
    public static let nodes = 4_096
    public static let ringFileBytes = 4 << 20
    public static let ringDocumentBytes = 16 << 20

    // MARK: Gossip

    /// One gossip message: below the smallest common MTU less headers, so that it could travel in one datagram.
    public static let gossipBytes = 16 << 10
    public static let gossipKeys = 256
    public static let gossipValueBytes = 1_024

    // MARK: Gossip messages

    /// The other budget a deployment may choose beside `gossipBytes`: one IPv6 datagram of 1,280 bytes (the MTU that
    /// every path must carry, RFC 8200) less its headers.
    public static let gossipDatagramBytes = 1_200
    /// The smallest budget: a worst-case entry's headers and a name of 64 bytes, and still something to say.
    public static let gossipSmallestBytes = 512
    /// A gossiped key is a field's name.
    public static let gossipKeyBytes = 64
    /// Generations, heartbeats and versions from a peer lie below this, so that adding one to any of them cannot
    /// overflow.
    public static let gossipCounter: UInt64 = 1 << 62
    /// Peers gossiped with in one round, at most: rounds grow shorter only with the logarithm of it.
    public static let gossipFanOut = 16

    /// Entries of a copy of another's gossiped state: an owner holds `gossipKeys`, and a copy on its way from one such
    /// state to the next may hold both.
    public static let gossipCopyKeys = 2 * gossipKeys
    /// A longer gap between heartbeats counts as this many intervals: one long outage must not make the failure
    /// detector slow for minutes.
    public static let heartbeatGap: Int64 = 20

    // MARK: Ring files

    /// Epochs travel in JSON, where integers above 2^53 lose digits.
    public static let ringEpoch: UInt64 = 1 << 53
    /// A thousand years.
    public static let timeToLiveMs: UInt64 = 1_000 * 366 * 86_400_000

    /// Each placement has a table of its own in the document and a solver run of its own; deployments have a handful.
    public static let placements = 64
    /// Every country of the world, and then some.
    public static let countries = 256
    /// Long enough for `de` and `germany_east`; short enough for table columns.
    public static let countryNameBytes = 16
    /// Zones, racks, placements and the cluster: names, repeated in tables and errors.
    public static let labelBytes = 64
    /// Buckets that a ring file names; all others take the defaults.
    public static let namedBuckets = 4_096
    /// Sites whose pages may use a bucket, and what one of them takes: a scheme, a host and a port.
    public static let bucketOrigins = 16
    public static let originBytes = 8 + hostBytes + 8
    /// RFC 1035 bounds a host name.
    public static let hostBytes = 253
    /// Acceptors of the namestore: a majority of more than nine costs latency and buys no safety.
    public static let nameAcceptors = 9
    /// Nesting of a JSON document that is read back (states, exported ring documents).
    public static let jsonDepth = 32
    /// A JSON document: a state of 64 placements over 2^15 partitions with long node names is far below.
    public static let jsonBytes = 64 << 20

    // MARK: Namestore

    /// A name after normalisation. One length byte would do, and no file system or slug is longer.
    public static let nameBytes = 255
    /// An owner token as text: 22 characters of base64 carry 128 bits; past 256 a client sends something else by
    /// mistake.
    public static let ownerTokenBytes = 256
    /// Ballot rounds. 2^62 is never reached by counting; above it a peer is lying, and adding one must not trap.
    public static let ballotRound: UInt64 = 1 << 62
    /// What a client calls a request: a UUID or a digest with quotes around it, and a prefix that says whose.
    public static let idempotencyKeyBytes = 255
    /// One message of the namestore: a page of `nameListKeys` of the longest names with their lengths fits.
    public static let nameMessageBytes = 256 << 10
    /// Keys in one page of a rescan.
    public static let nameListKeys = 256
    /// Names that a reconfiguration has under way at once: at 100 ms a round trip this is 1,000 names a second, and
    /// leaves most of each acceptor's batch to clients.
    public static let nameRescanWindow = 256
    /// Requests of one registry under way or queued; past it 503 `overloaded`.
    public static let nameRequests = 16_384
    /// Requests queued behind one name on one node: past it they would only miss their deadline.
    public static let nameQueue = 1_024
    /// What a power cut may take back of an acceptor's frontier: a sync each time would double those on the way of a
    /// vote.
    public static let frontierSync = Span.seconds(1)
    /// A copy of the frontier as it is read: some fifty bytes, and no more where a file has been overwritten.
    public static let frontierBytes = 4 << 10
    /// The cache of blocks and the write buffer of the store of names: records are small, and most are new.
    public static let nameCacheBytes = 4 << 20
    public static let nameBufferBytes = 4 << 20
    /// Names that one client address may write in a second, and after a rest at once what it may in so many: a site
    /// that registers for its users stays below, a squatter with a word list does not.
    public static let nameWritesPerSecond = 100.0
    public static let nameRestSeconds = 4.0
    /// Messages in one acceptor batch: they share a sync, and the last one waits for the first.
    public static let nameBatch = 1_024
    /// Clients whose rate is tracked one by one; the rest share one allowance.
    public static let nameClients = 65_536
    /// Exchanges whose round trips are still measured after their request is done: at 5,000 requests a second those of
    /// the last second.
    public static let nameExchangesTimed = 8_192
    /// Names remembered as existing, so that a registration doesn't try the fast ballot in vain. Two halves of this
    /// size.
    public static let namesSeen = 8_192

    /// Nesting of arrays, inline tables and dotted keys in a ring file: it needs three.
    public static let tomlDepth = 32
    /// Above so many pairs of partition and node a table of fallbacks would delay every new epoch; its rows are worked
    /// out when asked.
    public static let fallbackTablePairs = 1 << 23

    // MARK: The tool

    /// Months that a forecast looks ahead, a hundred years: beyond, a date says nothing.
    public static let forecastMonths = 1_200
    /// The head of an answer that the load generator reads: far above what any server measured here sends.
    public static let answerHeadBytes = 64 << 10
    /// Rows of a table on the terminal; longer ones are cut unless all are asked for.
    public static let tableRows = 40
    /// With all faults over, a site answers within this: what it asks is bounded by seconds, and it asks some things
    /// one after the other.
    public static let simulatedAnswer = Span.seconds(30)
    /// What was begun at sites is finished by this long after the faults: keepers wait for 15 s, and try again each 5
    /// s.
    public static let simulatedFinishing = Span.minutes(3)
    /// A simulated cluster that has not become one again after this long never will.
    public static let simulatedHealing = Span.seconds(60)
    /// Whoever listens to one that is the same again has heard all after this long: what a guard alone knows is read
    /// after a second, what was lost on the way is found within four.
    public static let simulatedListening = Span.seconds(10)
}
