// One read on its way: as many replicas as the level needs, best first; their answers merged; the stale ones mended.
//
// The best replica is asked for the object, the others for the object or, where it is large, its summary: version
// vector and dots, which is all it takes to see that nothing newer exists. Only if a summary knows of something that
// the merged object does not is that replica asked again, for all of it. Repair goes out after the answer.

import Causality
import DataTypes
import Ring
import Wire
import World

struct ReadCoordinator: Sendable {
    struct Role {
        let candidate: Acknowledgement
        let wantsObject: Bool
        /// What its answer says stands there.
        var knows: ObjectSummary?
    }

    private enum Phase {
        /// Asks for what the level needs.
        case gathering
        /// Answered: who was asked and has not said anything yet may be stale as well.
        case comparing
        /// The stale ones are being mended.
        case repairing
        /// No longer looked after.
        case over
    }

    private let key: [UInt8]
    private let quorum: Quorum
    private let rule: ConflictRule
    private let deadline: Instant
    private let primaries: [NodeID]
    private let fallbacks: [NodeID]
    private let location: Coordinates?
    private var phase = Phase.gathering
    private var candidates: [Acknowledgement] = []
    private(set) var asks = AskTable<Role>()
    private var tally = Tally()
    private var merged = StoredObject()
    private var retry = Retry()
    private var isHedged = false

    init(
        _ key: [UInt8], route: KeyRoute, quorum: Quorum, rule: ConflictRule, location: Coordinates?, deadline: Instant
    ) {
        self.key = key
        self.quorum = quorum
        self.rule = rule
        self.deadline = deadline
        self.location = location
        primaries = route.primaries
        fallbacks = route.fallbacks
    }

    private var isAnswered: Bool { phase != .gathering }

    var progress: Progress {
        switch phase {
        case .gathering: .open
        case .comparing, .repairing: asks.hasOpen ? .trailing(byteCount: merged.payloadBytes) : .finished
        case .over: .finished
        }
    }

    private var account: Account {
        Account(tally: tally, level: quorum.level, reached: quorum.isReached(by: tally))
    }

    var retryAt: Instant? { isAnswered ? nil : retry.at }

    var nextWake: Instant {
        let next = asks.nextTimeout.map { min($0, deadline) } ?? deadline
        return min(next, retryAt ?? next)
    }

    // MARK: Events

    /// `everyone`: ask all replicas and not only those the level needs, so that what is rarely read is mended too.
    mutating func start(
        everyone: Bool, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        lookForCandidates(&directory)
        askWhatIsNeeded(directory, now, &out)
        if everyone {
            for node in primaries
            where directory.isAvailable(node) && !asks.contains(where: { $0.role.candidate.node == node }) {
                if let place = candidates.firstIndex(where: { $0.node == node }) {
                    ask(candidates.remove(at: place), wantsObject: false, now, &out)
                }
            }
        }
        settle(directory, now, &out)
    }

    private mutating func lookForCandidates(_ directory: inout ReplicaDirectory) {
        candidates = directory.rank(primaries, near: location).map {
            Acknowledgement(node: $0, country: directory.country(of: $0))
        }
        if !quorum.strict { addFallbacks(directory) }
    }

    /// For each primary that is away the next fallback may know of its writes; it is asked before the primary is.
    private mutating func addFallbacks(_ directory: ReplicaDirectory) {
        let away = primaries.filter { !directory.isAvailable($0) }
        guard !away.isEmpty else { return }
        let spares = fallbacks.filter { directory.isAvailable($0) }
        let standIns = zip(away, spares).map { target, spare in
            Acknowledgement(node: spare, country: directory.country(of: spare), hintFor: target)
        }
        let reachable = candidates.firstIndex { !directory.isAvailable($0.node) } ?? candidates.endIndex
        candidates.insert(contentsOf: standIns, at: reachable)
    }

    mutating func receive(
        _ reply: ReplicaReply, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.close(slot) != nil else { return }
        switch reply {
        case .object(nil): asks[slot].role.knows = ObjectSummary(versions: VersionVector(), dots: [])
        case .object(let bytes?):
            guard let object = try? StoredObject(decoding: bytes) else { break }
            asks[slot].role.knows = object.summary
            merged.merge(object, rule: rule)
        case .summary(let bytes): asks[slot].role.knows = try? ObjectSummary(decoding: bytes)
        default: break
        }
        if asks[slot].role.knows != nil { tally.add(asks[slot].role.candidate) }
        settle(directory, now.instant, &out)
    }

    mutating func fail(
        slot: Int, _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.close(slot) != nil else { return }
        settle(directory, now.instant, &out)
    }

    func canHedge(_ directory: ReplicaDirectory) -> Bool {
        !isAnswered && !isHedged && hedgeCandidate(directory) != nil
    }

    /// The answer is late: asks one replica more, once.
    mutating func hedge(
        _ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard canHedge(directory), let place = hedgeCandidate(directory) else { return }
        isHedged = true
        ask(candidates.remove(at: place), wantsObject: true, now, &out)
    }

    private func hedgeCandidate(_ directory: ReplicaDirectory) -> Int? {
        candidates.firstIndex { directory.isAvailable($0.node) && $0.hintFor == nil }
    }

    mutating func wake(_ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>) {
        asks.closeOverdue(at: now.instant)
        let isOver = now.instant >= deadline
        if isOver {
            answer(.failed(.quorumNotReached(mayTakeEffect: false), account), &out)
        } else if !isAnswered, retry.take(now.instant) {
            // Who has not answered may do so now: a link stands again, a queue has room.
            lookForCandidates(&directory)
            candidates.removeAll { candidate in
                asks.contains { $0.isOpen && $0.role.candidate.node == candidate.node }
            }
        }
        settle(directory, now.instant, &out)
        if isOver { phase = .over }
    }

    /// What it would have mended is left to the next read, or to anti-entropy.
    mutating func letGo() { phase = .over }

    // MARK: Steps

    private mutating func askWhatIsNeeded(
        _ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        while true {
            let expected = asks.filter { $0.isOpen }.map(\.role.candidate)
            guard let next = quorum.next(of: candidates, given: tally, expecting: expected),
                let place = candidates.firstIndex(of: next)
            else { return }
            candidates.remove(at: place)
            ask(next, wantsObject: !hasObject, now, &out)
        }
    }

    /// One is at hand, or under way.
    private var hasObject: Bool { asks.contains { $0.role.wantsObject && ($0.isOpen || $0.role.knows != nil) } }

    private mutating func ask(
        _ candidate: Acknowledgement, wantsObject: Bool, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard !asks.isFull else { return }
        let request: ReplicaRequest =
            if let target = candidate.hintFor {
                .readHints(target: target, key: key)
            } else {
                .read(key: key, summaryOver: wantsObject ? 0 : Limits.wholeReplyBytes)
            }
        out.emit(.ask(slot: asks.endIndex, candidate.node, request))
        asks.add(candidate.node, Role(candidate: candidate, wantsObject: wantsObject), at: now)
    }

    private mutating func settle(
        _ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        if phase == .gathering {
            discardWhatCannotBeFetched()
            if quorum.isReached(by: tally) {
                guard !fetchWhatIsMissing(directory, now, &out) else { return }
                answer(.object(merged.versions.isEmpty ? nil : merged, account), &out)
            } else {
                askWhatIsNeeded(directory, now, &out)
                if !asks.hasOpen { retry.arm(now) }
            }
        }
        if phase == .comparing, !asks.hasOpen { repair(now, &out) }
    }

    /// A summary whose writes could not be had afterwards is no answer: counted, it would let a quorum miss them.
    private mutating func discardWhatCannotBeFetched() {
        var isDiscarded = false
        for slot in asks.indices {
            guard let summary = asks[slot].role.knows, !merged.versions.covers(summary.versions) else { continue }
            let candidate = asks[slot].role.candidate
            let isInVain = asks.contains {
                $0.role.candidate == candidate && $0.role.wantsObject && !$0.isOpen && $0.role.knows == nil
            }
            guard isInVain else { continue }
            asks[slot].role.knows = nil
            isDiscarded = true
        }
        guard isDiscarded else { return }
        tally = Tally()
        for ask in asks where ask.role.knows != nil { tally.add(ask.role.candidate) }
    }

    /// True if some summary names writes that no object at hand has, and its replica was asked for them.
    private mutating func fetchWhatIsMissing(
        _ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) -> Bool {
        for slot in asks.indices {
            guard let summary = asks[slot].role.knows, !merged.versions.covers(summary.versions) else { continue }
            let candidate = asks[slot].role.candidate
            let forAll = asks.filter { $0.role.candidate == candidate && $0.role.wantsObject }
            let isAsked = forAll.contains { $0.isOpen }
            let wasAsked = forAll.contains { !$0.isOpen }
            if !isAsked && !wasAsked { ask(candidate, wantsObject: true, now, &out) }
            if isAsked || !wasAsked { return true }
        }
        return false
    }

    /// Sends what was read to the primaries that answered otherwise.
    private mutating func repair(_ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        phase = .repairing
        guard !merged.versions.isEmpty else { return }
        let summary = merged.summary
        let stale = asks.filter { $0.role.candidate.hintFor == nil && $0.role.knows.map { $0 != summary } ?? false }
        guard !stale.isEmpty else { return }
        // Replicas that each are within the limits may be beyond them together; then the client must merge first.
        guard let bytes = try? merged.encodeWithinLimits() else { return }
        for node in primaries {
            guard let last = stale.last(where: { $0.node == node }) else { continue }
            out.emit(.ask(slot: asks.endIndex, node, .merge(key: key, object: bytes, repair: true)))
            asks.add(node, Role(candidate: last.role.candidate, wantsObject: false), at: now)
        }
    }

    private mutating func answer(_ outcome: ClientOutcome, _ out: inout Outbox<CoordinatorEffect>) {
        guard phase == .gathering else { return }
        phase = .comparing
        out.emit(.answer(outcome))
    }
}
