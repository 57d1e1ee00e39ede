// One event loop of the load generator: its connections, and the schedule that they work off.

import NIOCore
import NIOPosix
import World

final class LoadLoop: @unchecked Sendable {
    // Safe to share: all state is only touched on `eventLoop`.
    let eventLoop: any EventLoop
    let pool: ValuePool
    private let plan: LoadPlan
    private let share: LoadShare
    private let slots: [(url: NodeURL, forms: [RequestForm])]
    private let choice: KeyChoice
    private var random: SeededRandom
    private var open: [LoadConnection?]
    /// Connections without a request; the last one to become so is the next to be used.
    private var idle: [LoadConnection] = []
    private var inFlight = 0
    private var schedule: LoadSchedule?
    private var figures = LoadFigures()
    private var ended: EventLoopPromise<LoadFigures>?
    private var wakeAt: UInt64?
    private var sweep: RepeatedTask?
    private var lastOpen: UInt64 = 0
    private var isClosing = false

    private static let reopenAfter = TimeAmount.milliseconds(100)
    private static let sweepEvery = TimeAmount.milliseconds(250)

    init(_ plan: LoadPlan, share: LoadShare, choice: KeyChoice, on eventLoop: any EventLoop, random: SeededRandom) {
        self.eventLoop = eventLoop
        self.plan = plan
        self.share = share
        self.choice = choice
        var random = random
        pool = ValuePool(valueBytes: plan.valueBytes, &random)
        self.random = random
        let forms = plan.urls.map { url in
            (url, LoadOperation.allCases.map { RequestForm($0, plan, host: "\(url.host):\(url.port)") })
        }
        // Neighbours in the whole go to different nodes, whatever loop they belong to.
        slots = stride(from: share.index, to: plan.connections, by: share.count).map { forms[$0 % forms.count] }
        open = Array(repeating: nil, count: slots.count)
    }

    static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    // MARK: Connections

    /// Opens all connections; fails if one can't be opened.
    func connect() -> EventLoopFuture<Void> {
        let all = slots.indices.map { connect($0) }
        return EventLoopFuture.andAllSucceed(all, on: eventLoop).map { [self] in
            sweep = eventLoop.scheduleRepeatedTask(initialDelay: LoadLoop.sweepEvery, delay: LoadLoop.sweepEvery) {
                [self] _ in
                closeLate()
            }
        }
    }

    private func connect(_ slot: Int) -> EventLoopFuture<Void> {
        let (url, forms) = slots[slot]
        return ClientBootstrap(group: eventLoop)
            .connectTimeout(.seconds(3))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(LoadConnection(slot: slot, loop: self, forms: forms))
                }
            }
            .connect(host: url.host, port: url.port)
            .map { _ in }
    }

    private func reconnect(_ slot: Int) {
        guard !isClosing else { return }
        connect(slot).whenFailure { [self] _ in
            eventLoop.scheduleTask(in: LoadLoop.reopenAfter) { [self] in reconnect(slot) }
        }
    }

    func opened(_ connection: LoadConnection) {
        guard !isClosing else { return connection.close() }
        open[connection.slot] = connection
        idle.append(connection)
        sendDue(LoadLoop.now)
    }

    func closed(_ connection: LoadConnection) {
        open[connection.slot] = nil
        idle.removeAll { $0 === connection }
        let slot = connection.slot
        eventLoop.scheduleTask(in: LoadLoop.reopenAfter) { [self] in reconnect(slot) }
    }

    /// Closes connections whose request has waited too long, and gives up where no node is left to answer.
    private func closeLate() {
        let now = LoadLoop.now
        for connection in open.compactMap({ $0 }) {
            lastOpen = now
            if connection.current != nil, now > connection.sentAt + plan.timeout { connection.fail(.timedOut) }
        }
        guard let schedule, schedule.end == nil, now > lastOpen + plan.timeout else { return }
        self.schedule = nil
        ended?.fail(CommandFailure.usage("no node answers any more"))
        ended = nil
    }

    /// Ends all connections; nothing is sent any more.
    func close() -> EventLoopFuture<Void> {
        eventLoop.submit { [self] in
            isClosing = true
            sweep?.cancel()
            open.forEach { $0?.close() }
        }
    }

    // MARK: Requests

    /// Writes every key of this loop's share once.
    func load() -> EventLoopFuture<LoadFigures> {
        eventLoop.flatSubmit { [self] in begin(LoadSchedule(loading: plan, share: share)) }
    }

    /// The plan's run.
    func run() -> EventLoopFuture<LoadFigures> {
        eventLoop.flatSubmit { [self] in
            begin(LoadSchedule(plan, choice, share: share, start: LoadLoop.now, random: random.fork()))
        }
    }

    /// What has been counted up to now.
    func progress() -> EventLoopFuture<LoadFigures> { eventLoop.submit { [self] in figures } }

    private func begin(_ schedule: LoadSchedule) -> EventLoopFuture<LoadFigures> {
        let promise = eventLoop.makePromise(of: LoadFigures.self)
        self.schedule = schedule
        figures = LoadFigures()
        ended = promise
        lastOpen = LoadLoop.now
        if let end = schedule.end {
            eventLoop.scheduleTask(deadline: .uptimeNanoseconds(end)) { [self] in endIfOver(LoadLoop.now) }
        }
        sendDue(LoadLoop.now)
        endIfOver(LoadLoop.now)
        return promise.futureResult
    }

    private func sendDue(_ now: UInt64) {
        while let connection = idle.last, let request = schedule?.next(now: now) {
            idle.removeLast()
            send(request, on: connection, now)
        }
        // A busy connection looks for the next request by itself.
        if !idle.isEmpty { wakeWhenDue() }
    }

    private func send(_ request: LoadConnection.Request, on connection: LoadConnection, _ now: UInt64) {
        inFlight += 1
        let place = request.operation == .put ? Int.random(in: 0..<pool.places, using: &random) : 0
        connection.send(request, now: now, value: place)
    }

    private func wakeWhenDue() {
        guard wakeAt == nil, let schedule, let due = schedule.nextDue else { return }
        // Past the end nothing comes due any more, and waking for it again and again would leave no time to read.
        guard !schedule.isOver(now: max(due, LoadLoop.now)) else { return }
        wakeAt = due
        eventLoop.scheduleTask(deadline: .uptimeNanoseconds(due)) { [self] in
            wakeAt = nil
            sendDue(LoadLoop.now)
        }
    }

    func answered(_ connection: LoadConnection, _ request: LoadConnection.Request, status: Int, isOpen: Bool) {
        let now = LoadLoop.now
        inFlight -= 1
        if request.counts {
            figures.note(
                request.operation, status: status, due: request.due, now: now,
                isInTime: schedule?.isInTime(now) ?? false)
        }
        guard isOpen else { return endIfOver(now) }
        if let next = schedule?.next(now: now) { return send(next, on: connection, now) }
        idle.append(connection)
        wakeWhenDue()
        endIfOver(now)
    }

    func failed(_ request: LoadConnection.Request, _ failure: LoadFigures.Failure) {
        inFlight -= 1
        if request.counts { figures.note(request.operation, failure) }
        endIfOver(LoadLoop.now)
    }

    private func endIfOver(_ now: UInt64) {
        guard inFlight == 0, let schedule, schedule.isOver(now: now), let ended else { return }
        figures.unsent = schedule.unsent
        self.schedule = nil
        self.ended = nil
        ended.succeed(figures)
    }
}
