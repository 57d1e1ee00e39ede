// What is asked of the fetcher, and what it answers. It reads the document too: two megabytes of XML are no work for a
// loop.

package import World

/// A feed to be fetched, or a hub to be asked.
package struct FetchJob: Hashable, Sendable {
    package let url: String
    /// What is known of it; the answer may be that nothing has changed.
    package let validators: FeedValidators
    /// For a hub: what it is sent.
    package let form: [UInt8]?

    package init(url: String, validators: FeedValidators = FeedValidators()) {
        self.url = url
        self.validators = validators
        form = nil
    }

    package init(url: String, form: [UInt8]) {
        self.url = url
        validators = FeedValidators()
        self.form = form
    }
}

/// What a server names a version of its feed by (RFC 9110, 8.8), byte by byte as it came: some compare the text.
package struct FeedValidators: Hashable, Sendable {
    package var etag: String?
    package var lastModified: String?

    package init(etag: String? = nil, lastModified: String? = nil) {
        self.etag = etag
        self.lastModified = lastModified
    }
}

package enum FetchOutcome: Hashable, Sendable {
    /// 304.
    case notModified(FetchHead)
    /// 200, and a feed.
    case document(FeedDocument, FetchHead)
    /// 429 or 503: the host is to be left alone for so long.
    case retryLater(Span)
    /// 410.
    case gone
    /// A hub has taken what it was sent.
    case accepted
    case failed(FetchFailure)
}

/// What an answer says of itself.
package struct FetchHead: Hashable, Sendable {
    package var validators: FeedValidators
    /// `Cache-Control: max-age`.
    package var maxAge: Span?
    /// Where the answer came from, after redirects.
    package var finalURL: String
    /// Where the feed says it has moved to: the place behind all permanent redirects (301, 308) before the first
    /// other one.
    package var permanentMove: String?

    package init(finalURL: String, validators: FeedValidators = FeedValidators()) {
        self.validators = validators
        self.finalURL = finalURL
    }
}

/// Why there is no feed. The texts are for the people who follow it.
package enum FetchFailure: Error, Hashable, Sendable {
    /// Not http or https, another port than 80 and 443, or no URL at all.
    case badURL
    /// An address that is not the public internet's.
    case forbiddenAddress
    case unknownHost
    case unreachable
    /// The certificate is not good for this host.
    case insecure
    case timedOut
    case tooLarge
    case tooManyRedirects
    /// Too many fetches are under way in this node.
    case overloaded
    /// Any other than those that `FetchOutcome` has cases for.
    case status(Int)
    /// It has come, and is no feed.
    case unreadable(FeedFailure)

    package var text: String {
        switch self {
        case .badURL: "The address is none of the web: http or https, without a name and password, and without a port."
        case .forbiddenAddress: "The address does not lead into the public internet."
        case .unknownHost: "There is no such host."
        case .unreachable: "The host can't be reached."
        case .insecure: "The host's certificate is not valid for its name."
        case .timedOut: "The host took longer than \(Limits.fetchTimeout.nanoseconds / 1_000_000_000) seconds."
        case .tooLarge: "The document is larger than \(Limits.feedBytes >> 20) MiB."
        case .tooManyRedirects: "The address leads from one to the next, and to no feed."
        case .overloaded: "Too many feeds are being fetched just now."
        case .status(let status): "The host answered with status \(status)."
        case .unreadable(let failure): failure.text
        }
    }
}
