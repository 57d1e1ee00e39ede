// The limits of the social layer (Limits.swift): of its flows, of what it keeps at hand, of its streams.

extension Limits {
    // MARK: Flows

    /// For a read or write of the cluster that a flow waits for: far less than a person waits for a page.
    public static let socialTimeout = Span.seconds(3)
    /// For a name. Then a title or a generated slug is posted provisionally.
    public static let socialNameTimeout = Span.seconds(3)
    /// For a quorum of a provisional post, which has waited for one or for the namestore before: some round trips
    /// around the world.
    public static let socialCutOffWait = Span.seconds(1)
    /// Asks of one flow at once where it has many: a page's heads.
    public static let socialWidth = 32
    /// Inboxes that the deliveries of a node write at once, in one insert: some hundred microseconds of the loop, where
    /// others wait. With half as many each costs a third more, for fewer go together from thread to thread, and others
    /// wait as long (docs/decisions/0048-a-post-is-inserted.md).
    public static let socialPushSlice = 64
    /// A slice is waited for no longer: some times what a write takes in one country.
    public static let socialPushPatience = Span.milliseconds(4)
    /// For how many times as long as a slice took nothing is pushed: half of the time is others', and a post to ten
    /// thousand is to be there within a second.
    public static let socialPushRests: Int64 = 1
    /// Writes to inboxes that one page of followers, or one new follower, waits for: those that are far away must not
    /// hold up the others.
    public static let socialPushWidth = 16
    /// Posts that a node pushes side by side: while lists far away are asked for there is another to go on with, and
    /// where no more than that are under way one to a few people does not wait for those to thousands.
    public static let socialDeliveriesAtOnce = 16
    /// Posts that wait for that. Where each goes to a thousand inboxes the last is there in the better part of a
    /// minute; those after it are refused, since their authors would believe that people have them.
    public static let socialDeliveriesWaiting = 256
    /// For a page of a source's followers, a few times what a quorum far away takes: while one is out of reach no other
    /// post has the place.
    public static let socialDeliveryPatience = Span.seconds(1)
    /// What waits for its slice: 16 posts have 512 of them, or 4,096 where inboxes are written one by one, the feeds
    /// that are polled at once half as many, and the others belong to people who have just followed somebody; a second
    /// or two of work.
    public static let socialPushesWaiting = 16_384
    /// As how many inboxes a page of followers counts: two of them, each decoded in a millisecond, are a slice.
    public static let socialPushPageWeight = 32
    /// Asks under way of all flows of a node; beyond, requests are refused. Each holds a few hundred bytes.
    public static let socialFlows = 65_536
    /// After which an intent that still stands has been left: longer than any request takes.
    public static let socialKeeperWait = Span.seconds(15)
    /// Who works on an intent for longer says so as often, sooner than it counts as left.
    public static let socialAttendance = Span.seconds(10)
    /// Between tries to claim a title whose post stands provisionally.
    public static let socialProvisionalRetry = Span.seconds(5)
    /// Intents of others that one node finishes at once.
    public static let socialKeeperWidth = 16
    /// Before a live read that ended is begun again.
    public static let socialFollowAgain = Span.seconds(1)

    // MARK: What is kept at hand

    /// How long a session is believed in without being looked up: so long after a logout it may still be used.
    public static let socialSessionLook = Span.seconds(2)
    public static let socialSessions = 10_000
    /// Of posts' heads, for lists.
    public static let socialHeadLook = Span.seconds(2)
    public static let socialHeads = 4_096
    /// Of the first page of everybody's timeline.
    public static let socialPageLook = Span.seconds(1)
    /// Of those who did something that has a rate: about 8 MiB.
    public static let socialRated = 65_536

    // MARK: Streams

    /// Of one node. Each is a connection and a live read, or shares one.
    public static let socialStreams = 2_048
    /// How far back a stream begins that is taken up again.
    public static let socialReplayMilliseconds: UInt64 = 3_600_000
    /// Events that wait for one client: some dozens. All streams together hold 64 MiB at most.
    public static let socialStreamBytes = 32 << 10

    // MARK: People

    /// A session, from its last day on; and what a browser keeps of a login.
    public static let socialSession = Span.hours(24 * 30)
    public static let socialDevice = Span.hours(24 * 365)
    /// A post that stood under a provisional path is known by its request's token: nobody's browser sends that again
    /// later.
    public static let socialReceipt = Span.hours(24 * 30)
    /// A draft that nobody writes on.
    public static let socialDraft = Span.hours(24 * 90)
    /// A text that is written together, or shown as a page: Markdown is rendered to this length.
    public static let socialTextBytes = 256 << 10
    /// What is pushed lasts for so long without a visit; inboxes keep 30 days.
    public static let socialPushMilliseconds: UInt64 = 14 * 86_400_000
    public static let socialInboxMilliseconds: UInt64 = 30 * 86_400_000
    /// How often a reader looks at the own timeline, where nothing is known of that.
    public static let socialViewsPerDay = 6.0
    /// Of a password, in characters: short ones are tried all; each is hashed whole.
    public static let passwordLeast = 8
    public static let passwordMost = 256
    /// Posts of a page, unless told otherwise, and at most.
    public static let socialPageItems = 30
    public static let socialPageMost = 100
    /// Marks of one feed's items that are looked through, two for each: 180 days of a hundred items a day.
    public static let feedMarks = 36_000
    /// A title as its author wrote it; its segment of a path has 120 of them at most.
    public static let socialTitleBytes = 400
    /// Who had a title before: with so many deletions of posts under one title between, a request is not sent again.
    public static let socialFormerOwners = 50
    /// Earlier bodies that a head names, and the beginning of a text that it bears.
    public static let socialRevisions = 50
    public static let socialSummaryCharacters = 280
    /// Sources of one person; and of one source those to whom it pushes: the others pull.
    public static let socialFollowed = 5_000
    public static let socialPushed = 10_000
    /// Sources that one inbox pulls from for a page, at once.
    public static let socialPulls = 16
    /// Keys among which the followers of a source are divided: one of them has a list's length at 16,000.
    public static let socialShardsOfSource = 16
    /// Followers of a source that are read at once: as many as are decoded in a millisecond.
    public static let socialDeliveryPage = 128
    /// Posts of everybody's timeline that a node keeps at hand.
    public static let socialPublicKept = 500
    /// Keys among which intents and feeds are divided, and their keepers: some for each node of a large cluster.
    public static let socialSlots = 256
    /// A part of an export: what is in memory at once.
    public static let socialExportBytes = 16 << 20
}
