// What a site has done elsewhere than on its loop, as the core's shell sees it: slow work on threads of its own, pages,
// and the files that pages fetch.

import Feeds
import Social

/// Each answers once, on any thread; at once where there is too much to do.
struct SiteWorkers: Sendable {
    var hash: @Sendable (HashJob, @escaping @Sendable (HashResult) -> Void) -> Void
    var render: @Sendable (RenderJob, @escaping @Sendable ([UInt8]?) -> Void) -> Void
    var fetch: @Sendable (FetchJob, @escaping @Sendable (FetchOutcome) -> Void) -> Void
    /// Ends their threads, when what they are at is done.
    var stop: @Sendable () -> Void
}

/// A page as HTML.
struct SitePage: Sendable {
    let html: [UInt8]
    /// Why the page cannot be shown, for the log: then this one says so.
    let fault: String?
}

/// What has an address and is in the binary.
struct SiteFile: Sendable {
    let path: String
    let type: String
    let bytes: [UInt8]
    /// Of the contents, as `v` of the addresses that pages bear; nil where they bear none.
    let version: String?
}
