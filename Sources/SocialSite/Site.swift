// A node's site put together: the core, its threads, its pages, and the table of paths that it is reached by.

package import Logging
package import Ring
package import Server
import Edge
import Social
package import World

package enum Site {
    /// What a node of `ring` is to be given, to have a site at `address`; nil where the ring has none.
    package static func configuration(
        ring: RingDocument, identity: NodeID, address: HostPort, logger: Logger
    ) -> SiteConfiguration? {
        guard let settings = ring.social else { return nil }
        let files = files.map { (route: Route(site: $0.path, "file", [.get, .head]), file: $0) }
        let listener = SiteRoutes.listener(ring, at: address).with(files.map(\.route))
        return SiteConfiguration(address: address, listener: listener) {
            SiteShell(
                SocialCore(identity: identity, ring: ring, settings: settings), files: files, workers: workers(),
                logger: logger, page: page())
        }
    }

    private static var files: [SiteFile] {
        [
            SiteFile(
                path: "/-/atoll.js", type: "text/javascript; charset=utf-8", bytes: Pages.module, caching: "no-cache")
        ]
    }

    private static func workers() -> SiteWorkers {
        SiteWorkers(
            hash: { _, answer in answer(.overloaded) }, render: { _, answer in answer(nil) },
            fetch: { _, answer in answer(FetchOutcome()) }, stop: {})
    }

    private static func page() -> @Sendable (Page) -> SitePage {
        { page in SitePage(html: Array("<!doctype html><title>\(page.name)</title>\n".utf8), fault: nil) }
    }
}
