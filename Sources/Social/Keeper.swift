// Who finishes what others have begun. Intents lie under 256 partition keys; each is kept by the living node whose hash
// with it is highest (rendezvous hashing; Thaler and Ravishankar, 1998), which looks at it live. What stands there for
// longer than any request takes is finished by its keeper. Two keepers do no harm: what they do follows from the
// intent.

import Edge
import JSON
import Keys
import Live
import NameStore
import Ring
import World

struct Keeper {
    /// An intent that was seen, and is to be looked at again.
    struct Seen {
        let name: String
        let home: Home?
        let slot: Int
        /// How far it was when it was looked at last.
        var progress: Intent.Progress
        /// The look that it waits for: it may have been forgotten and heard of again since another was asked for.
        var look: UInt64 = 0
    }

    /// By its sort key: name and token.
    private(set) var seen: [String: Seen] = [:]
    /// Slots that are kept here, ascending, for each home.
    fileprivate(set) var slots: [Int] = []
    fileprivate var subscriptions: [UInt64] = []
    private var lastLook: UInt64 = 0
    /// Being finished at this time: no more than a few at once.
    fileprivate(set) var running: Set<String> = []

    static func isKeeper(_ node: NodeID, of slot: Int, living: [NodeID]) -> Bool {
        func weight(_ node: NodeID) -> UInt64 {
            var hash = StableHash()
            hash.add(Array(node.name.utf8))
            hash.add(UInt64(slot))
            return SplitMix64.spread(hash.value)
        }
        return living.max { (weight($0), $0) < (weight($1), $1) } == node
    }

    /// Does all that is left of an intent; a post's lists may still be told when this ends (Attendance.swift). False if
    /// it could not be done.
    static func takeUp(_ intent: Intent, name: String) -> Flow<Bool> {
        .with { core in
            let key = name + "!" + intent.token
            guard core.keeper.running.insert(key).inserted else { return .value(true) }
            let work: Flow<Void> =
                switch intent.kind {
                case .register: Registration.finish(intent)
                case .post: Posting.finish(intent, isWaitedFor: false).map { _ in }
                case .delete(let id): Editing.finishDeleting(intent, id)
                case .deleteAccount: Accounts.finishDeleting(intent)
                }
            core.figures.finished += 1
            return work.map { true }.orElse { _ in .value(false) }.then { isDone in
                .with { core in
                    core.keeper.running.remove(key)
                    return .value(isDone)
                }
            }
        }
    }

    // MARK: What is seen

    fileprivate mutating func add(_ sort: String, _ seen: Seen) { self.seen[sort] = seen }
    fileprivate mutating func note(_ progress: Intent.Progress, of sort: String) { seen[sort]?.progress = progress }
    fileprivate mutating func nextLook(at sort: String) -> UInt64 {
        lastLook += 1
        seen[sort]?.look = lastLook
        return lastLook
    }
    fileprivate mutating func remove(_ sort: String) { seen[sort] = nil }
    fileprivate mutating func reset() { seen = [:] }
    fileprivate mutating func reset(_ slot: Int, _ home: Home?) {
        seen = seen.filter { $0.value.slot != slot || $0.value.home != home }
    }
}

extension SocialCore {
    /// Follows the slots of intents that are this node's now.
    mutating func followWork() {
        let mine = (0..<Limits.socialSlots).filter { Keeper.isKeeper(identity, of: $0, living: living) }
        followFeeds()
        guard mine != keeper.slots, !seams.takesNothingUp else { return }
        keeper.slots = mine
        for subscription in keeper.subscriptions { unfollow(subscription) }
        keeper.subscriptions = []
        keeper.reset()
        let homes: [Home?] = [nil] + settings.homes.map { Optional($0.name) }
        let watches = homes.flatMap { home in mine.map { (slot: $0, home: home) } }
        for start in stride(from: 0, to: watches.count, by: Limits.liveWatchesOfConnection) {
            let some = Array(watches[start..<min(watches.count, start + Limits.liveWatchesOfConnection)])
            let ranges = some.map { SocialKeys.works(inSlot: $0.slot, $0.home) }
            let number = follow(ranges) { core, place, event in
                core.heardOfWork(some[place].slot, some[place].home, event)
            }
            if let number { keeper.subscriptions.append(number) }
        }
    }

    private mutating func heardOfWork(_ slot: Int, _ home: Home?, _ event: Followed) {
        switch event {
        case .item(let sort, let json):
            guard let intent = json.flatMap(Intent.init), let mark = sort.lastIndex(of: "!") else { return }
            guard intent.step != .finished else { return keeper.remove(sort) }
            guard keeper.seen[sort] == nil else { return }
            let name = String(sort[..<mark])
            keeper.add(sort, Keeper.Seen(name: name, home: home, slot: slot, progress: intent.progress))
            lookAgain(sort, intent.isProvisional ? Limits.socialProvisionalRetry : Limits.socialKeeperWait)
        case .removed(let sort): keeper.remove(sort)
        case .reset: keeper.reset(slot, home)
        case .ready: break
        }
    }

    /// What is still there after that long has been left by whoever began it.
    private mutating func lookAgain(_ sort: String, _ span: Span) {
        let look = keeper.nextLook(at: sort)
        after(span) { core, _ in
            guard let seen = core.keeper.seen[sort], seen.look == look, core.keeper.slots.contains(seen.slot),
                let mark = sort.lastIndex(of: "!"),
                let key = SocialKeys.work(seen.name, String(sort[mark...].dropFirst()), seen.home)
            else { return }
            guard core.keeper.running.count < Limits.socialKeeperWidth else { return core.lookAgain(sort, span) }
            let stored: Flow<Stored<Intent>> = Cluster.read(key, .strict)
            stored.then { stored -> Flow<Bool> in
                guard let intent = stored.record, intent.step != .finished else { return .value(true) }
                // Somebody is at it.
                guard intent.progress == seen.progress else {
                    return .with { core in
                        core.keeper.note(intent.progress, of: sort)
                        return .value(true)
                    }
                }
                // What stands at fewer replicas than a strict quorum becomes findable first.
                return Cluster.write(key, intent, context: stored.context, .strict)
                    .then { _ in .with { core in Keeper.takeUp(intent, name: seen.name) } }
            }.start(&core) { core, result in
                // Done, it is removed, and then not seen any more; not done, it is tried again.
                guard core.keeper.seen[sort] != nil else { return }
                let isWorkedOn = (try? result.get()) ?? false
                core.lookAgain(sort, isWorkedOn ? Limits.socialKeeperWait : Limits.socialProvisionalRetry)
            }
        }
    }
}
