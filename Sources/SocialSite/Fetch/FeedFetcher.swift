// Fetches feeds for strangers, and lets none of them reach what only this machine can. A host's name is resolved once,
// here; what it resolves to is checked; and the address that was checked is the one that is dialled, so that a name
// which leads elsewhere a moment later (DNS rebinding) leads nowhere. Redirects are followed here for the same reason.

import AsyncHTTPClient
import Feeds
import NIOCore
import NIOPosix
import Synchronization
import World

final class FeedFetcher: Sendable {
    private let group: any EventLoopGroup
    /// Wait for the resolver, and read documents.
    private let threads: NIOThreadPool
    private let rules: FetchRules
    private let agent: String
    private let timeout: Span
    private let underWay = Atomic<Int>(0)

    /// - origin: where people find out who asks, and whom to tell that it is too often.
    convenience init(group: any EventLoopGroup, origin: String) {
        self.init(group: group, origin: origin, rules: .everybody, timeout: Limits.fetchTimeout)
    }

    init(group: any EventLoopGroup, origin: String, rules: FetchRules, timeout: Span) {
        self.group = group
        self.rules = rules
        self.timeout = timeout
        agent = "Atoll (feed reader; +\(origin))"
        threads = NIOThreadPool(numberOfThreads: Limits.fetchThreads)
        threads.start()
    }

    /// Waits for what is under way.
    func shutdown() async { try? await threads.shutdownGracefully() }

    /// Has an answer within `Limits.fetchTimeout`, and the time to read the document.
    func fetch(_ job: FetchJob) async -> FetchOutcome {
        let count = underWay.wrappingAdd(1, ordering: .relaxed).newValue
        defer { underWay.wrappingSubtract(1, ordering: .relaxed) }
        guard count <= Limits.fetches else { return .failed(.overloaded) }
        let deadline = NIODeadline.now() + .nanoseconds(timeout.nanoseconds)
        let work = Task { () -> FetchOutcome in
            do { return try await self.follow(job, deadline) } catch {
                return .failed(FetchFailure(error))
            }
        }
        let timer = group.any().scheduleTask(deadline: deadline) { work.cancel() }
        defer { timer.cancel() }
        return await work.value
    }

    // MARK: From one place to the next

    private func follow(_ job: FetchJob, _ deadline: NIODeadline) async throws -> FetchOutcome {
        guard var url = FeedURL(job.url) else { throw FetchFailure.badURL }
        var move: String?
        var isPermanent = true
        for _ in 0...Limits.fetchRedirects {
            guard rules.permitsURL(url) else { throw FetchFailure.badURL }
            let addresses = try await addresses(of: url.host, deadline)
            let answer = try await ask(url, at: addresses, job, deadline)
            switch answer {
            case .redirect(let target, let stays):
                guard let next = url.resolve(target) else { throw FetchFailure.badURL }
                isPermanent = isPermanent && stays
                if isPermanent { move = next.withoutFragment }
                url = next
            case .notModified(var head):
                head.permanentMove = move
                return .notModified(head)
            case .document(let document, var head):
                head.permanentMove = move
                return .document(document, head)
            case .retryLater(let span): return .retryLater(span)
            case .gone: return .gone
            case .accepted: return .accepted
            }
        }
        throw FetchFailure.tooManyRedirects
    }

    /// Those that may be dialled.
    private func addresses(of host: String, _ deadline: NIODeadline) async throws -> [IPAddress] {
        let all: [IPAddress]
        if let address = IPAddress(host) {
            all = [address]
        } else {
            // A resolver that is silent for long keeps its thread, but not the answer.
            let promise = group.any().makePromise(of: [IPAddress].self)
            let timer = promise.futureResult.eventLoop.scheduleTask(deadline: deadline) {
                promise.fail(FetchFailure.timedOut)
            }
            let rules = rules
            threads.runIfActive(eventLoop: promise.futureResult.eventLoop) { rules.resolve(host) }.cascade(to: promise)
            defer { timer.cancel() }
            all = try await promise.futureResult.get()
        }
        guard !all.isEmpty else { throw FetchFailure.unknownHost }
        let good = all.filter(rules.permits)
        guard !good.isEmpty else { throw FetchFailure.forbiddenAddress }
        return good
    }

    /// The next address is tried where one can't be reached.
    private func ask(
        _ url: FeedURL, at addresses: [IPAddress], _ job: FetchJob, _ deadline: NIODeadline
    ) async throws -> FetchAnswer {
        var failure = FetchFailure.unreachable
        for address in addresses.prefix(Limits.fetchAddresses) {
            let exchange = FetchExchange(
                url: url, address: address, agent: agent, trust: rules.trust, threads: threads)
            do { return try await exchange.run(job, group, deadline) } catch {
                failure = FetchFailure(error)
                guard failure == .unreachable || failure == .timedOut, NIODeadline.now() < deadline else {
                    throw failure
                }
            }
        }
        throw failure
    }
}
