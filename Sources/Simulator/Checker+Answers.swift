// What the checker asks of each answer that a client gets.

import Keys
import Causality
import DataTypes
import Gateway
import Ring
import Storage
import World

extension Checker {
    // MARK: Writes

    mutating func acknowledged(
        _ index: Int, _ object: StoredObject, created: Bool, _ account: Account, _ scene: AnswerScene
    ) {
        let write = writes[index]
        // The replica gave it a time after all that it held, so it is the newest of what came back.
        guard let own = object.newest, write.value.map({ own.payload == .value($0) }) ?? own.isTombstone else {
            return violate("\(describe(write)) was acknowledged with an object that does not have it as its newest")
        }
        writes[index].acknowledgedAt = scene.now
        writes[index].dot = own.dot
        writes[index].holders = account.tally.acknowledgements
        if write.onlyIfAbsent, !created { violate("\(describe(write)) was to meet nothing, and did not") }
        let expires =
            write.value != nil && (write.ttlMs ?? ring.properties(ofBucket: write.key.bucket).ttlMilliseconds) != nil
        if expires != (own.expiresAt != nil) {
            violate("\(describe(write)) ends at \(String(describing: own.expiresAt))")
        }
        checkAccount(account, write.terms, scene) { $0.describe(write) }
        for holder in account.tally.acknowledgements where isIntact(holder, of: write) {
            if !has(own.dot, holder, write.key, scene) {
                violate("\(describe(write)) is acknowledged by \(holder.node), whose disk does not have it")
            }
        }
    }

    /// Whether a node that acknowledged a write has it on its disk, or has carried it to the one that it kept it for.
    func has(_ dot: Dot, _ holder: Acknowledgement, _ key: StoredKey, _ scene: AnswerScene) -> Bool {
        func disk(_ node: NodeID) -> SimulatedDisk? { scene.machines.first { $0.disk.owner == node }?.disk }
        func holds(_ bytes: [UInt8]?) -> Bool {
            bytes.flatMap { try? StoredObject(decoding: $0) }?.versions.covers(dot) ?? false
        }
        func isStored(at node: NodeID) -> Bool {
            // A damaged one says nothing, and is missed at its next start.
            guard let store = disk(node)?.objects, store.failure == nil else { return true }
            return holds((try? store.get(key.bytes)) ?? nil)
        }
        guard let target = holder.hintFor else { return isStored(at: holder.node) }
        guard let hints = disk(holder.node)?.hints, hints.failure == nil else { return true }
        let kept = (try? hints.get([0x68] + Array(target.name.utf8) + [0] + key.bytes)) ?? nil
        if let kept {
            var reader = ByteReader(kept)
            if (try? reader.byte()) != nil, (try? reader.varint()) != nil, let rest = try? reader.raw(reader.remaining),
                holds(Array(rest))
            {
                return true
            }
        }
        return isStored(at: target)
    }

    // MARK: Reads

    mutating func read(_ read: ReadRecord, _ object: StoredObject?, _ account: Account, _ scene: AnswerScene) {
        reads += 1
        let what = { (checker: Checker) in "a read of \(checker.name(read.key)) begun at \(read.startedAt)" }
        checkAccount(account, read.terms, scene, what)
        checkWritten(object, read.key, what)
        guard read.strict, isMajority(read.terms) else { return }
        for index in histories[KeyBytes(read.key)]?.writes ?? [] {
            guard let end = writes[index].acknowledgedAt, end < read.startedAt, let dot = writes[index].dot,
                object?.versions.covers(dot) != true, hasItsQuorum(writes[index])
            else { continue }
            violate("\(what(self)) missed \(describe(writes[index]))")
        }
        for sibling in object?.siblings ?? [] {
            checkNotOverwritten(sibling, of: read.key, asOf: read.startedAt, "is read")
        }
    }

    private mutating func checkWritten(_ object: StoredObject?, _ key: StoredKey, _ what: (Checker) -> String) {
        for sibling in object?.values ?? [] where author(of: sibling.payload, key) == nil {
            violate("\(what(self)) found what nobody wrote: \(sibling.dot)")
        }
    }

    // MARK: Lists

    /// `among`: all keys of the load that are items of this partition key.
    mutating func listed(
        _ list: ListRecord, _ items: [ListedItem], next: ListContinuation?, _ account: Account, among: [StoredKey],
        _ scene: AnswerScene
    ) {
        reads += 1
        guard let first = among.first else { return }
        let what = { (checker: Checker) in "a list of \(checker.name(first)) begun at \(list.startedAt)" }
        let terms = RequestTerms(key: first, level: list.level ?? .quorum, strict: list.strict)
        checkAccount(account, terms, scene, what)
        checkShape(list, items, next, what)
        for item in items {
            guard let key = among.first(where: { $0.bytes == item.key }) else {
                violate("\(what(self)) has an item that nobody wrote")
                continue
            }
            checkWritten(item.object, key, what)
            if item.object.values.isEmpty { violate("\(what(self)) has \(name(key)), which has no value") }
            if item.object.hasExpired(at: scene.wall) { violate("\(what(self)) has \(name(key)), whose time is over") }
        }
        guard isMajority(terms) else { return }
        for key in among where list.range.contains(key.bytes) && isReached(key.bytes, list, items, next) {
            checkListed(key, items.first { $0.key == key.bytes }?.object, list, what)
        }
    }

    private mutating func checkShape(
        _ list: ListRecord, _ items: [ListedItem], _ next: ListContinuation?, _ what: (Checker) -> String
    ) {
        func follows(_ a: [UInt8], _ b: [UInt8]) -> Bool {
            list.reverse ? a.lexicographicallyPrecedes(b) : b.lexicographicallyPrecedes(a)
        }
        if items.count > list.limit { violate("\(what(self)) has \(items.count) items, and was to have \(list.limit)") }
        for (a, b) in zip(items, items.dropFirst()) where !follows(b.key, a.key) {
            violate("\(what(self)) is not in order, or has an item twice")
        }
        if items.contains(where: { !list.range.contains($0.key) }) {
            violate("\(what(self)) has an item outside its range")
        }
        guard let last = items.last, let next else { return }
        switch next {
        case .at(let key): if !follows(key, last.key) { violate("\(what(self)) goes on before its end") }
        case .after(let key): if follows(last.key, key) { violate("\(what(self)) goes on before its end") }
        }
    }

    /// Whether an item of this key would be in the page: the list does not go on before it.
    private func isReached(
        _ key: [UInt8], _ list: ListRecord, _ items: [ListedItem], _ next: ListContinuation?
    ) -> Bool {
        guard let next else { return true }
        func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
            list.reverse ? b.lexicographicallyPrecedes(a) : a.lexicographicallyPrecedes(b)
        }
        return switch next {
        case .at(let bound): precedes(key, bound)
        case .after(let bound): key == bound || precedes(key, bound)
        }
    }

    /// `object`: what the list has under `key`; nil if nothing.
    private mutating func checkListed(
        _ key: StoredKey, _ object: StoredObject?, _ list: ListRecord, _ what: (Checker) -> String
    ) {
        for index in histories[KeyBytes(key)]?.writes ?? [] {
            guard writes[index].value != nil, let end = writes[index].acknowledgedAt, end < list.startedAt,
                let dot = writes[index].dot, hasItsQuorum(writes[index]), object?.versions.covers(dot) != true
            else { continue }
            // Nothing is shown where a value was deleted, or its time is over.
            let mayBeGone =
                object == nil
                && histories[KeyBytes(key)]?.writes.contains { other in
                    mayWin(other, over: index) && (writes[other].value == nil || expires(writes[other]))
                } ?? false
            if !mayBeGone { violate("\(what(self)) lacks \(describe(writes[index]))") }
        }
        for sibling in object?.siblings ?? [] {
            checkNotOverwritten(sibling, of: key, asOf: list.startedAt, "is listed")
        }
    }

    /// Whether what write `other` left may take the place of what `index` left: it did not end before; or the latest is
    /// to win, and fewer than a majority had it, so that `index` may not have met it and its clock was ahead.
    private func mayWin(_ other: Int, over index: Int) -> Bool {
        guard other != index, let end = writes[other].acknowledgedAt, end < writes[index].startedAt else { return true }
        let isLastWriteWins = ring.properties(ofBucket: writes[other].key.bucket).conflict == .lastWriteWins
        return isLastWriteWins && !hasItsQuorum(writes[other])
    }

    func expires(_ write: WriteRecord) -> Bool {
        write.ttlMs != nil || ring.properties(ofBucket: write.key.bucket).ttlMilliseconds != nil
    }

    // MARK: Levels

    /// The arithmetic of levels once more, from what they mean.
    mutating func checkAccount(
        _ account: Account, _ terms: RequestTerms, _ scene: AnswerScene, _ what: (Checker) -> String
    ) {
        let route = ring.route(bucket: terms.key.bucket, token: terms.key.token)
        let all = account.tally.acknowledgements
        let isHonest = all.allSatisfy { one in
            ring.country(of: one.node) == one.country && route.primaries.contains(one.hintFor ?? one.node)
        }
        let isEachOnce =
            Set(all.map(\.node)).count == all.count && Set(all.map { $0.hintFor ?? $0.node }).count == all.count
        let counted = all.filter { !terms.strict || $0.hintFor == nil }
        func hasMajority(of country: String) -> Bool {
            2 * counted.count { $0.country == country } > route.countries.count { $0 == country }
        }
        let isEnough =
            switch terms.level {
            case .one: counted.count >= 1
            case .count(let needed): counted.count >= needed
            case .quorum: 2 * counted.count > route.primaries.count
            case .all: counted.count >= route.primaries.count
            case .local: hasMajority(of: scene.country)
            case .each: route.countries.allSatisfy(hasMajority)
            }
        if !isHonest || !isEachOnce || !isEnough || account.level != terms.level || !account.reached {
            violate(
                "\(what(self)) was answered at level \(terms.level) by \(all.map { "\($0.node) for \($0.hintFor ?? $0.node)" })"
            )
        }
    }

    /// Whether so many replicas meet every other majority of them.
    func isMajority(_ terms: RequestTerms) -> Bool {
        let replicas = ring.route(bucket: terms.key.bucket, token: terms.key.token).primaries.count
        return switch terms.level {
        case .quorum, .all, .each: true
        case .one: replicas == 1
        case .count(let needed): 2 * needed > replicas
        case .local: false
        }
    }

    // MARK: Refusals

    /// A request that failed had a reason to.
    mutating func refused(_ terms: RequestTerms, _ failure: RequestFailure, _ scene: AnswerScene) {
        let route = ring.route(bucket: terms.key.bucket, token: terms.key.token)
        let isLegitimate =
            switch failure {
            case .badLevel:
                switch terms.level {
                case .count(let needed): needed > route.primaries.count
                case .local: !route.countries.contains(scene.country)
                default: false
                }
            case .exists: terms.onlyIfAbsent && (histories[KeyBytes(terms.key)]?.byValue.count ?? 0) > 1
            case .diskFull: disksWereFull
            case .overloaded, .quorumNotReached, .behind, .tooManySiblings: true
            case .vectorFull: vectorsAreShort
            case .tooLarge, .notApplied, .malformed: false
            }
        if !isLegitimate { violate("a request of \(name(terms.key)) at level \(terms.level) failed: \(failure)") }
    }
}
