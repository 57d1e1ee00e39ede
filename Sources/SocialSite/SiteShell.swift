// Carries the social layer of a node on its first request loop: hands the core what people, the cluster and the threads
// say, and does what it says. Nothing is decided here.

import Edge
import Logging
import NIOConcurrencyHelpers
import Server
import Social
import World

final class SiteShell: SiteGuest, @unchecked Sendable {
    // Safe to share: all state is only touched on the host's loop, but for `stop`, which touches none.
    private var core: SocialCore
    private var effects = Outbox<SocialCore.Effect>()
    private var isCarryingOut = false
    private var host: SiteHost?
    /// The host's number of each live read of the core, by the core's.
    private var watches: [UInt64: UInt64] = [:]
    private let files: [(route: Route, file: SiteFile)]
    private let workers: SiteWorkers
    private let page: @Sendable (Page) -> SitePage
    private let logger: Logger
    private var pages: UInt64 = 0

    init(
        _ core: SocialCore, files: [(route: Route, file: SiteFile)], workers: SiteWorkers, logger: Logger,
        page: @escaping @Sendable (Page) -> SitePage
    ) {
        self.core = core
        self.files = files
        self.workers = workers
        self.page = page
        self.logger = logger
    }

    func start(_ host: SiteHost) {
        self.host = host
        core.start(host.now, &effects)
        carryOut()
    }

    func stop() { workers.stop() }

    var figures: SiteFigures {
        let counted = core.figures
        var figures = SiteFigures()
        figures.flows = core.flowsInFlight
        figures.deliveries = core.deliveriesInFlight
        figures.pages = pages
        figures.events = [
            ("finished", counted.finished), ("pointer", counted.pointers), ("poll", counted.polls),
            ("poll-failed", counted.failedPolls), ("post", counted.posts),
            ("post-provisional", counted.provisionalPosts),
            ("registration", counted.registrations),
        ]
        return figures
    }

    // MARK: What comes in

    func handle(_ number: UInt64, _ request: SiteRequest) {
        if let (_, file) = files.first(where: { $0.route === request.route }) {
            host?.answer(number, HTTPResponse(file, request))
        } else {
            hear(.request(number, request))
        }
    }

    func gone(_ number: UInt64) { hear(.gone(number)) }
    func drained(_ number: UInt64) { hear(.drained(number)) }
    func living(_ nodes: [NodeID]) { hear(.living(nodes)) }

    private func hear(_ input: SocialCore.Input) {
        guard let host else { return }
        core.handle(input, host.now, &effects)
        carryOut()
    }

    // MARK: What goes out

    /// What carrying out brings with it comes after what was there already.
    private func carryOut() {
        guard let host, !isCarryingOut else { return }
        isCarryingOut = true
        while !effects.isEmpty { for effect in effects.take() { carryOut(effect, host) } }
        isCarryingOut = false
    }

    private func carryOut(_ effect: SocialCore.Effect, _ host: SiteHost) {
        switch effect {
        case .data(let ask, let request): host.submit(request) { [self] in hear(.data(ask, $0)) }
        case .name(let ask, let operation, let name, let timeout):
            host.name(operation, on: name, timeout: timeout) { [self] in hear(.named(ask, $0)) }
        case .hash(let ask, let job):
            workers.hash(job) { [self] result in host.execute { [self] in hear(.hashed(ask, result)) } }
        case .render(let ask, let job):
            workers.render(job) { [self] html in host.execute { [self] in hear(.rendered(ask, html)) } }
        case .fetch(let ask, let job):
            workers.fetch(job) { [self] outcome in host.execute { [self] in hear(.fetched(ask, outcome)) } }
        case .subscribe(let ask, let subscription):
            let number = host.subscribe(subscription) { [self] pieces in
                if pieces == nil { watches[ask] = nil }
                hear(.live(ask, pieces.map { .bytes($0) } ?? .ended))
            }
            if let number { watches[ask] = number } else { hear(.live(ask, .ended)) }
        case .unsubscribe(let ask): if let number = watches.removeValue(forKey: ask) { host.unsubscribe(number) }
        case .taken(let ask): if let number = watches[ask] { host.taken(number) }
        case .answer(let number, let answer): host.answer(number, response(to: answer))
        case .stream(let number, let pieces): host.stream(number, pieces)
        case .endStream(let number): host.endStream(number)
        case .upgrade(let number, let key): host.upgrade(number, for: key)
        case .wakeAt(let instant): host.wake(at: instant) { [self] in hear(.wake(instant)) }
        }
    }

    private func response(to answer: SiteAnswer) -> HTTPResponse {
        let (response, fault) = SiteShell.response(answer, page)
        if case .page(let page, _, _) = answer {
            pages += 1
            if let fault {
                logger.error("a page cannot be shown", metadata: ["page": "\(page.name)", "reason": "\(fault)"])
            }
        }
        return response
    }

    /// And why a page of it cannot be shown: its headers, cookies among them, hold all the same.
    static func response(
        _ answer: SiteAnswer, _ page: (Page) -> SitePage
    ) -> (response: HTTPResponse, fault: String?) {
        switch answer {
        case .response(let response): return (response, nil)
        case .page(let shown, let status, let headers):
            let made = page(shown)
            let all = [("content-type", "text/html; charset=utf-8")] + headers
            return (HTTPResponse(made.fault == nil ? status : 500, all, body: made.html), made.fault)
        }
    }
}

extension HTTPResponse {
    /// What is asked for by the digest of its contents never changes: a year, as for all of that kind. Whoever asks
    /// without it, or by an older one, asks again.
    fileprivate init(_ file: SiteFile, _ request: SiteRequest) {
        let asked = request.query.first { $0.name == "v" }?.value
        let isFixed = file.version.map { Array($0.utf8) == asked } ?? false
        self.init(
            200,
            [
                ("content-type", file.type), ("x-content-type-options", "nosniff"),
                ("cache-control", isFixed ? "public, max-age=31536000, immutable" : "no-cache"),
            ], body: file.bytes)
    }
}
