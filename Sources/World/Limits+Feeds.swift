// The limits of foreign feeds (what is read of them, how often they are asked for, what a fetch may take).

extension Limits {
    // MARK: What is read

    /// A feed's document, unpacked: the largest that are well kept have about 1 MiB, and all of it is in memory while
    /// it is read.
    public static let feedBytes = 2 << 20
    /// Elements in each other: the deepest of honest pages have about 40.
    public static let feedDepth = 100
    /// Elements of a document: 500 items of 200 each, as markup may stand in a document unescaped.
    public static let feedElements = 100_000
    /// Values with quotes in one tag: their names are compared with each other, each with all before.
    public static let feedAttributes = 256
    /// Prefixes declared at once: each element's name is looked for among them.
    public static let feedPrefixes = 256
    /// Items that are read of one document; what stands behind is older in nearly every feed.
    public static let feedItems = 500
    /// A title, a name, an identity, and a link as browsers take it.
    public static let feedTitleBytes = 1 << 10
    public static let feedNameBytes = 256
    public static let feedIdentityBytes = 1 << 10
    public static let feedLinkBytes = 2 << 10
    /// The text of one item, as it comes and as it is written anew: a long article with its markup.
    public static let feedTextBytes = 256 << 10
    /// Files that belong to one item: an episode in several forms.
    public static let feedEnclosures = 8
    /// Feeds that a page names: one for each of its languages, and comments.
    public static let feedsOfPage = 8
    /// Elements in each other in HTML that is written anew; those beyond are left out, what stands in them is kept.
    public static let htmlDepth = 24
    /// Attributes of one tag that are looked at: links come among the first.
    public static let htmlAttributes = 32

    // MARK: How often a feed is asked for

    /// Half the mean time between items, but not more often than this, which what others do has made usual, nor more
    /// seldom.
    public static let feedShortestWait = Span.minutes(15)
    public static let feedLongestWait = Span.hours(24)
    /// What a feed asks for (`max-age`, `ttl`, `Retry-After`), and doubling after failures, end here: one error at the
    /// other side must not silence a feed for a year.
    public static let feedLongestRest = Span.hours(7 * 24)
    /// The wait after 429 or 503 that say nothing of it.
    public static let feedRest = Span.hours(1)
    /// Of a feed whose items have no times.
    public static let feedGap = Span.hours(2)
    /// The latest items, whose mean gap counts: a feed that falls silent is asked more seldom after some days.
    public static let feedGapItems = 10
    /// Polls in a row that say that the feed has moved, and where: one alone may be a mistake, or a hotel's login.
    public static let feedMoves = 3
    /// Items that a feed begins with, which nobody's inbox gets, and new ones of a later poll: more at once is no news.
    public static let feedFirstItems = 50
    public static let feedLaterItems = 100
    /// Older items are no news, but in a feed that is read for the first time: what was seen is forgotten 180 days
    /// after, and would be new again.
    public static let feedNewsAge = Span.hours(150 * 24)
    /// Polls of one feed that others ask for (its hub) come at most so often.
    public static let feedHasteGap = Span.minutes(1)
    /// For how long a hub is asked to tell of news, and how often it is asked at most: a day before the end, and a day
    /// after it said nothing.
    public static let feedHubLease = Span.hours(10 * 24)
    public static let feedHubRenewal = Span.hours(24)
    /// From the end of one request to the next at the same host: many feeds of a person lie at one.
    public static let feedHostGap = Span.seconds(10)
    /// Hosts that rest or are spoken to, in memory: a node's feeds of an hour.
    public static let feedHosts = 4_096

    // MARK: What a fetch may take

    /// Name, connection, redirects and body, all together.
    public static let fetchTimeout = Span.seconds(10)
    /// To connect, and to agree on keys: a second address has its turn within the whole.
    public static let fetchConnectTimeout = Span.seconds(4)
    /// As browsers' twenty are for logins; a feed that has moved twice, to https and to `www`, takes three.
    public static let fetchRedirects = 5
    /// Addresses of one host that are tried: one of each family, and one more.
    public static let fetchAddresses = 3
    /// Under way at once in a node: 32 MiB at the most.
    public static let fetches = 16
    /// Threads that wait for names and read documents: a resolver that is silent for 10 s blocks one.
    public static let fetchThreads = 4
    /// `ETag` and `Last-Modified`, which are sent back as they came; a longer one is not kept.
    public static let validatorBytes = 512
}
