// The social layer of one node as a value: people's requests come in, and what the cluster, the namestore and the
// threads for slow work have to say; asks to them and answers go out. No clock, no chance, no socket.
//
// Each request is a flow (`Flow`): what is still to be asked, and what follows from the answers. It uses only what any
// application of the cluster could use: reads, writes, ranges, names, types, live reads. Nothing that was answered is
// held here alone: what this value keeps are copies that live for seconds, and flows that somebody else can finish from
// their intents (Keeper.swift).

package import Edge
package import Feeds
package import Gateway
package import JSON
package import Keys
package import Live
package import NameStore
package import Ring
package import World

package struct SocialCore {
    package enum Input {
        /// A person's request, under the shell's number, which the answer bears.
        case request(UInt64, SiteRequest)
        /// The client of a stream has gone.
        case gone(UInt64)
        /// It has taken all that was written to it.
        case drained(UInt64)
        case data(UInt64, ClientOutcome)
        case named(UInt64, NameAnswer)
        case hashed(UInt64, HashResult)
        /// Safe HTML; nil: too much was asked at once.
        case rendered(UInt64, [UInt8]?)
        case fetched(UInt64, FetchOutcome)
        case live(UInt64, LiveInput)
        /// The nodes of the cluster that are alive.
        case living([NodeID])
        /// It is the time that a `wakeAt` named.
        case wake(Instant)
    }

    package enum LiveInput {
        /// Pieces of a text of Server-Sent Events.
        case bytes([ArraySlice<UInt8>])
        /// No more come.
        case ended
    }

    package enum Effect {
        case data(UInt64, ClientRequest)
        case name(UInt64, NameOperation, Name, timeout: Span)
        case hash(UInt64, HashJob)
        case render(UInt64, RenderJob)
        case fetch(UInt64, FetchJob)
        /// Followed by `live` inputs of the same number until `unsubscribe`.
        case subscribe(UInt64, LiveSubscription)
        case unsubscribe(UInt64)
        /// What was written to this live read is worked off: more may come.
        case taken(UInt64)
        case answer(UInt64, SiteAnswer)
        /// Events for a client, of which the first begin its answer.
        case stream(UInt64, [ArraySlice<UInt8>])
        case endStream(UInt64)
        /// The client's connection becomes a WebSocket that may watch and change this key, and nothing else.
        case upgrade(UInt64, StoredKey)
        /// Earlier than the last time that was named, or the first.
        case wakeAt(Instant)
    }

    /// What an ask of this core was answered with.
    enum Reply {
        case data(ClientOutcome)
        case name(NameAnswer)
        case hash(HashResult)
        case html([UInt8]?)
        case fetch(FetchOutcome)
        case time
    }

    package let identity: NodeID
    let ring: RingDocument
    let settings: SocialSettings
    let seams: SocialSeams
    package internal(set) var now = Now(instant: .origin, wall: WallTime(milliseconds: 0))
    var out = Outbox<Effect>()
    private var pending = SlotTable<(inout SocialCore, Reply) -> Void>()
    /// Ascending by time; of one time in the order in which they were asked for.
    private var timers: [(at: Instant, ask: UInt64)] = []
    private var namedWake: Instant?
    var living: [NodeID]

    var sessions = SessionCache()
    var heads = HeadCache()
    var rates = SiteRates()
    var keeper = Keeper()
    var publicTimeline = PublicTimeline()
    var suspended = Suspensions()
    var streams = Streams()
    var pushes = PushPace()
    var deliveries = DeliveryQueue()
    var attendance = Attendance()
    var followings = SlotTable<LiveFollowing>()
    var polls = PollDesk()
    package internal(set) var figures = SocialFigures()

    package init(
        identity: NodeID, ring: RingDocument, settings: SocialSettings, seams: SocialSeams = SocialSeams()
    ) {
        self.identity = identity
        self.ring = ring
        self.settings = settings
        self.seams = seams
        living = ring.nodes.map(\.id)
    }

    package mutating func handle(_ input: Input, _ now: Now, _ out: inout Outbox<Effect>) {
        self.now = now
        // The caller's outbox is lent to the flows while they run.
        swap(&self.out, &out)
        defer {
            nameWake()
            swap(&self.out, &out)
        }
        switch input {
        case .request(let number, let request):
            guard pending.count < Limits.socialFlows else {
                return self.out.emit(.answer(number, .response(HTTPResponse(Problem.tooBusy))))
            }
            begin(number, request)
        case .gone(let number): closeStream(number)
        case .drained(let number): drained(number)
        case .data(let ask, let outcome): resume(ask, .data(outcome))
        case .named(let ask, let answer): resume(ask, .name(answer))
        case .hashed(let ask, let result): resume(ask, .hash(result))
        case .rendered(let ask, let html): resume(ask, .html(html))
        case .fetched(let ask, let outcome): resume(ask, .fetch(outcome))
        case .live(let number, let input): hear(number, input)
        case .living(let nodes):
            living = nodes.sorted()
            followWork()
        case .wake(let instant):
            if namedWake == instant { namedWake = nil }
            ringTimers()
        }
    }

    /// Begins what goes on without anybody's request. Once, when the node serves.
    package mutating func start(_ now: Now, _ out: inout Outbox<Effect>) {
        handle(.living(living), now, &out)
        self.now = now
        swap(&self.out, &out)
        PublicTimeline.follow(&self)
        Suspensions.follow(&self)
        nameWake()
        swap(&self.out, &out)
    }

    /// Whether anybody keeps names apart.
    var hasNamestore: Bool { !ring.nameAcceptors.isEmpty }

    /// Asks that somebody is to answer: what waits for a time is none.
    package var flowsInFlight: Int { pending.count - timers.count }

    /// Posts that go to inboxes, or wait for it.
    package var deliveriesInFlight: Int { deliveries.count }

    // MARK: Asks

    /// Asks `effect` of the shell; what it says goes to `reply`.
    mutating func ask(_ effect: (UInt64) -> Effect, _ reply: @escaping (inout SocialCore, Reply) -> Void) {
        out.emit(effect(pending.insert(reply)))
    }

    private mutating func resume(_ ask: UInt64, _ reply: Reply) {
        guard let next = pending.remove(ask) else { return }
        next(&self, reply)
    }

    // MARK: Time

    mutating func after(_ span: Span, _ reply: @escaping (inout SocialCore, Reply) -> Void) {
        let at = now.instant + span
        let ask = pending.insert(reply)
        let place = timers.firstPlace { !(at < $0.at) }
        timers.insert((at, ask), at: place)
    }

    private mutating func ringTimers() {
        while let first = timers.first, first.at <= now.instant {
            timers.removeFirst()
            resume(first.ask, .time)
        }
    }

    private mutating func nameWake() {
        guard let first = timers.first, namedWake.map({ first.at < $0 }) ?? true else { return }
        namedWake = first.at
        out.emit(.wakeAt(first.at))
    }
}

/// What keeps a password from being tried by the million: scrypt, on a thread of its own.
package enum HashJob: Sendable {
    case make(password: [UInt8], salt: [UInt8])
    /// Against a PHC string.
    case check(password: [UInt8], phc: String)
}

package enum HashResult: Sendable {
    /// A PHC string.
    case made(String)
    /// `isWeaker`: than one that would be made today.
    case checked(Bool, isWeaker: Bool)
    case overloaded
}

/// What is made into safe HTML on a thread of its own.
package enum RenderJob: Sendable {
    case markdown([UInt8])
}

package enum SiteAnswer: Sendable {
    case response(HTTPResponse)
    case page(Page, status: UInt, headers: [(String, String)])
}

/// A page before it is HTML: the name of a template, and what that shows.
package struct Page: Sendable {
    package let name: String
    package let values: JSONValue

    package init(_ name: String, _ values: JSONValue) {
        self.name = name
        self.values = values
    }
}

/// Totals, for metrics.
package struct SocialFigures: Sendable {
    package var registrations: UInt64 = 0
    package var posts: UInt64 = 0
    package var provisionalPosts: UInt64 = 0
    /// Written to inboxes.
    package var pointers: UInt64 = 0
    /// Intents of others that this node finished.
    package var finished: UInt64 = 0
    package var polls: UInt64 = 0
    package var failedPolls: UInt64 = 0

    package init() {}

    package mutating func add(_ other: SocialFigures) {
        registrations += other.registrations
        posts += other.posts
        provisionalPosts += other.provisionalPosts
        pointers += other.pointers
        finished += other.finished
        polls += other.polls
        failedPolls += other.failedPolls
    }
}

/// Bugs for tests to find: what goes wrong without a rule that the code keeps.
package struct SocialSeams: Sendable {
    /// The name is claimed before anything stands that tells what for.
    package var claimsFirst = false
    /// One replica's "no" is taken for the cluster's.
    package var believesOneReplica = false
    /// A pointer counts whatever post stands at its path.
    package var ignoresPostID = false
    /// Nobody finishes what another node has begun.
    package var takesNothingUp = false

    package init() {}
}
