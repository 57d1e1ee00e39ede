// A node's site put together: the core, its threads, its pages, and the table of paths that it is reached by.

package import Logging
package import Ring
package import Server
import Edge
import NIOCore
import NIOPosix
import Social
package import World

package enum Site {
    /// What a node of `ring` is to be given, to have a site at `address`; nil where the ring has none.
    package static func configuration(
        ring: RingDocument, identity: NodeID, address: HostPort, logger: Logger
    ) -> SiteConfiguration? {
        guard let settings = ring.social else { return nil }
        let files = files.map { (route: Route(site: $0.path, "file", [.get, .head]), file: $0) }
        let page = page()
        let listener = SiteRoutes.listener(ring, at: address).with(files.map(\.route)) { problem, head in
            SiteAnswers.page(for: problem, head).map { SiteShell.response($0, page).response }
        }
        return SiteConfiguration(address: address, listener: listener) {
            SiteShell(
                SocialCore(identity: identity, ring: ring, settings: settings), files: files,
                workers: workers(origin: settings.origin ?? "http://\(address)"),
                logger: logger, page: page)
        }
    }

    private static var files: [SiteFile] {
        // Drafts speak to the cluster as any page may; it changes with the node, and is asked for anew each time.
        let module = SiteFile(
            path: "/-/atoll.js", type: "text/javascript; charset=utf-8", bytes: Pages.module, version: nil)
        let assets = SiteAsset.all.map {
            SiteFile(path: $0.path, type: $0.type, bytes: $0.bytes, version: $0.version)
        }
        return [module] + assets
    }

    /// Threads for what no loop may do, and a loop for other people's servers, so that they keep nobody waiting here.
    private static func workers(origin: String) -> SiteWorkers {
        let passwords = PasswordThread()
        let markdown = MarkdownThread()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let fetcher = FeedFetcher(group: group, origin: origin)
        return SiteWorkers(
            hash: { passwords.ask($0, $1) }, render: { markdown.ask($0, $1) },
            fetch: { job, answer in Task { answer(await fetcher.fetch(job)) } },
            stop: {
                passwords.stop()
                markdown.stop()
                Task {
                    await fetcher.shutdown()
                    try? await group.shutdownGracefully()
                }
            })
    }

    private static func page() -> @Sendable (Page) -> SitePage {
        let renderer = PageRenderer()
        return { page in
            let rendered = renderer.render(page)
            return SitePage(html: rendered.html, fault: rendered.fault.map { "\($0)" })
        }
    }
}
