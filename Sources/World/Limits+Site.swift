// The limits of a site's settings and of its listener (Limits.swift).

extension Limits {
    // MARK: Settings

    /// Residencies that a user may choose: each has four buckets of its own.
    public static let socialHomes = 16
    /// People who may hide posts: a team's size.
    public static let socialModerators = 64
    /// What a user is called: in every path and under every post.
    public static let userNameBytes = 32
    /// Keys among which one hour of the public timeline is divided: each is followed by every node.
    public static let publicShards = 64
    /// Proxies, or networks of them, whose word for a client's address is taken.
    public static let trustedProxies = 64
    /// A network as text: an IPv6 address of eight groups, and a prefix length.
    public static let networkBytes = 39 + 4

    /// What a site takes however much memory its node may use: the hash of a password (32 MiB), a post and a feed as
    /// they are read and written anew, posts' heads and the newest pages.
    public static let siteBytes = 96 << 20

    // MARK: Requests

    /// Parameters after the `?` of a site's request, and the random bytes that come with it: a token, a session, a salt
    /// and an id, each of 16, and never the same byte for two of them.
    public static let siteQuery = 32
    public static let siteChanceBytes = 64
    /// The body of a form: a text, its title and what goes with it, as fields.
    public static let siteFormBytes = 1 << 20
    /// The body of a post: the largest value of a bucket, and around it the heads of a multipart form.
    public static let sitePostBytes = largestValueBytes + (64 << 10)
    /// Addresses of `X-Forwarded-For` that are looked at, from the last one on: proxies before proxies before a node.
    public static let forwardedAddresses = 16
    /// A wait that a site's core names is never shorter, so that one which is over does not turn in a circle.
    public static let siteLeastWait = Span.milliseconds(1)
}
