// What primaries tell, and what of it is known.

import Causality
import DataTypes
import DequeModule
import Keys
import Ring
import World

extension LiveHub {
    mutating func receive(_ message: LiveMessage, _ node: NodeID, _ now: Instant, _ out: inout Outbox<Effect>) {
        guard let at = place(of: node) else { return }
        switch message {
        case .notice(let notice): take(notice, at, now, &out)
        case .refused(let stream, let ids, let reason):
            guard books[at].book.stream == stream else { return }
            for id in ids { refused(id, reason, at, now, &out) }
        case .unknown(let stream): if books[at].book.stream == stream { begin(at, now) }
        case .contents(let item):
            take(item, from: node, now, &out)
            noteLack(of: item.key, at: node)
        case .changed(let ask, let keys): resume(ask, keys, now, &out)
        case .said(let words): told(words)
        // A replica's to hear.
        case .watch, .unwatch, .renew, .read, .changes, .say: break
        }
    }

    // MARK: What those who look say to each other

    /// By way of the source, which knows all nodes that watch the key.
    mutating func say(_ id: UInt64, _ from: Writer, _ data: [UInt8], _ out: inout Outbox<Effect>) {
        guard let part = subscribers[id]?.parts.first, !part.isRange, let watch = watches[part.watch],
            watch.primaries.indices.contains(watch.source)
        else { return }
        let words = LiveWords(key: watch.target.base, from: from, data: data)
        out.emit(.send(.say(words), to: watch.primaries[watch.source].node))
    }

    private mutating func told(_ words: LiveWords) {
        for watch in index.ids(of: words.key) {
            for id in watches[watch]?.subscribers ?? [] where subscribers[id]?.hears == true {
                subscribers[id]?.note(words, of: watch)
                touch(id)
            }
        }
    }

    private mutating func refused(
        _ id: UInt32, _ reason: WatchRefusal, _ at: Int, _ now: Instant, _ out: inout Outbox<Effect>
    ) {
        guard let watch = watches[id], let place = watch.place(of: books[at].node),
            watch.primaries[place].mark != .refused
        else { return }
        switch reason {
        case .notReplica:
            books[at].book.withdraw(watch.target, id: id, isSource: watch.source == place)
            watches[id]?.primaries[place].mark = .refused
        case .tooLarge: close(id, .tooLarge, now, &out)
        case .overloaded: close(id, .overloaded, now, &out)
        }
    }

    private mutating func take(_ notice: LiveNotice, _ at: Int, _ now: Instant, _ out: inout Outbox<Effect>) {
        let node = books[at].node
        switch books[at].book.arrive(notice, now) {
        case .again: return
        case .missing: return begin(at, now)
        case .newLife: forget(node)
        case .next: break
        }
        var items: [(key: [UInt8], versions: VersionVector)] = []
        var sizeBytes = 0
        for item in notice.items {
            guard let versions = take(item, from: node, now, &out) else { continue }
            items.append((item.key, versions))
            if case .object(let bytes) = item.state { sizeBytes += bytes.count }
        }
        // A watch may have closed with it.
        guard let at = place(of: node) else { return }
        books[at].book.put(
            PrimaryBook.Unsettled(
                number: notice.number, items: items, opened: notice.opened.filter { watches[$0.id] != nil },
                reached: notice.reached, sizeBytes: sizeBytes, since: now))
        hasLearned = true
        settle()
        if books[at].book.owesConfirmation { renew(at, now, &out) }
    }

    /// What a primary told in an earlier life says nothing of what it has now.
    private mutating func forget(_ node: NodeID) {
        for id in watchIDs {
            guard let place = watches[id]?.place(of: node) else { continue }
            watches[id]?.primaries[place].mark = .asked
            for key in watches[id]?.members ?? [] { keys[KeyBytes(key)]?.forget(place) }
        }
    }

    /// Returns the vector of the item, or nil if nobody looks at it, or it cannot be read.
    @discardableResult
    private mutating func take(
        _ item: LiveItem, from node: NodeID, _ now: Instant, _ out: inout Outbox<Effect>
    ) -> VersionVector? {
        let bytes = KeyBytes(item.key)
        guard admit(item.key, now, &out), let first = keys[bytes]?.watches.first,
            let place = watches[first]?.place(of: node)
        else { return nil }
        let versions: VersionVector
        switch item.state {
        case .versions(let told):
            versions = told
            keys[bytes]?.note(versions, from: place)
            weigh(item.key)
        case .object(let object):
            guard let content = try? LiveContent(decoding: object) else { return nil }
            versions = content.versions
            learn(content, item.key, from: place)
            weigh(item.key)
        }
        return versions
    }

    /// Makes sure that the key is known as one of all watches that it is in; false if it is in none.
    private mutating func admit(_ key: [UInt8], _ now: Instant, _ out: inout Outbox<Effect>) -> Bool {
        let bytes = KeyBytes(key)
        for id in index.ids(of: key) {
            if keys[bytes]?.watches.contains(id) == true { continue }
            let isFull = keys[bytes] == nil && keys.count >= Limits.liveKeys
            guard !isFull, (watches[id]?.members.count ?? 0) < Limits.liveRangeKeys else {
                close(id, isFull ? .overloaded : .tooLarge, now, &out)
                continue
            }
            keys[bytes, default: LiveKey(key)].watches.append(id)
            watches[id]?.insert(key)
            join(key, to: id)
            note(key, in: id, ofQuorum: false)
        }
        return keys[bytes] != nil
    }

    /// - Parameter ofQuorum: only those who are shown what a quorum has, or only the others.
    mutating func note(_ key: [UInt8], in id: UInt32, ofQuorum: Bool? = nil) {
        for subscriber in watches[id]?.subscribers ?? [] {
            if let ofQuorum, subscribers[subscriber]?.needsQuorum != ofQuorum { continue }
            for part in subscribers[subscriber]?.parts.indices ?? 0..<0
            where subscribers[subscriber]?.parts[part].watch == id {
                subscribers[subscriber]?.parts[part].note(key)
            }
            touch(subscriber)
        }
    }

    private mutating func learn(_ content: LiveContent, _ key: [UInt8], from place: Int) {
        let bytes = KeyBytes(key)
        guard var state = keys.removeValue(forKey: bytes) else { return }
        let bucket = StoredKey.bucket(of: key) ?? []
        let before = state.sizeBytes
        let wasWhole = state.whole != nil
        let isNews = state.learn(content, rule: ring.properties(ofBucket: bucket).conflict, seams: seams)
        state.note(content.versions, from: place)
        if state.whole != nil { (state.askedAt, state.tries) = (nil, 0) }
        contentBytes += state.sizeBytes - before
        lastStamp += 1
        state.stamp = lastStamp
        contentOrder.append((key, lastStamp))
        awaitEnd(of: &state)
        keys[bytes] = state
        if isNews { hasLearned = true }
        for id in state.watches {
            if isNews {
                note(key, in: id, ofQuorum: false)
            } else if !wasWhole {
                // Some may wait for it.
                for subscriber in watches[id]?.subscribers ?? [] { touch(subscriber) }
            }
        }
    }

    /// A primary has sent what it has of a key, and still more is known. What no primary has is lost: with a disk, of
    /// which one told before. Those who were sent it begin anew.
    private mutating func noteLack(of key: [UInt8], at node: NodeID) {
        let bytes = KeyBytes(key)
        guard let state = keys[bytes], state.whole == nil, let first = state.watches.first, let watch = watches[first],
            let place = watch.place(of: node)
        else { return }
        keys[bytes]?.noteLack(at: place)
        let isLost = watch.primaries.indices.allSatisfy { keys[bytes]?.isLacking(at: $0) ?? false }
        guard isLost else { return }
        let before = state.sizeBytes
        keys[bytes]?.acceptLoss()
        contentBytes += (keys[bytes]?.sizeBytes ?? 0) - before
        weigh(key)
        for at in books.indices { books[at].book.forget(key) }
        hasLearned = true
        for id in state.watches {
            for subscriber in watches[id]?.subscribers ?? [] {
                for part in subscribers[subscriber]?.parts.indices ?? 0..<0
                where subscribers[subscriber]?.parts[part].watch == id {
                    subscribers[subscriber]?.parts[part].beginAnew()
                }
                touch(subscriber)
            }
        }
    }

    // MARK: Settling

    /// Goes on in each book up to the first notice that tells of something unknown.
    mutating func settle() {
        guard hasLearned else { return }
        hasLearned = false
        for at in books.indices {
            while let first = books[at].book.unsettled.first, first.items.allSatisfy(isKnown) {
                let node = books[at].node
                for (key, versions) in first.items {
                    let bytes = KeyBytes(key)
                    guard let id = keys[bytes]?.watches.first, let place = watches[id]?.place(of: node) else {
                        continue
                    }
                    if let known = keys[bytes]?.known, versions.covers(known) {
                        keys[bytes]?.note(versions, from: place)
                        weigh(key)
                    }
                }
                for opened in books[at].book.settleFirst() {
                    guard let place = watches[opened.id]?.place(of: node) else { continue }
                    watches[opened.id]?.primaries[place].mark = .open(shard: opened.shard)
                    watches[opened.id]?.isReady = true
                    for subscriber in watches[opened.id]?.subscribers ?? [] { touch(subscriber) }
                }
            }
        }
    }

    /// Of a key that nobody looks at any more nothing needs to be known.
    private func isKnown(_ item: (key: [UInt8], versions: VersionVector)) -> Bool {
        keys[KeyBytes(item.key)]?.known.covers(item.versions) ?? true
    }

    /// A guard has known more for a while than anybody has sent: it is read from.
    mutating func readFromGuard(_ at: Int, _ now: Instant, _ out: inout Outbox<Effect>) {
        var asked = 0
        for place in books[at].book.unsettled.indices {
            let notice = books[at].book.unsettled[place]
            guard now - notice.since >= Limits.liveGuardPatience, asked < Limits.liveTurnKeys else { return }
            if let askedAt = notice.askedAt, now - askedAt < Limits.liveReadAgain { continue }
            books[at].book.unsettled[place].askedAt = now
            for item in notice.items where !isKnown(item) {
                out.emit(.send(.read(key: item.key), to: books[at].node))
                asked += 1
            }
        }
    }

    // MARK: Contents

    /// Asks for the contents of a key, of another primary each time: first of one that has told that it has all.
    mutating func ask(for key: [UInt8], _ now: Instant, _ out: inout Outbox<Effect>) {
        let bytes = KeyBytes(key)
        guard let state = keys[bytes], state.whole == nil, let id = state.watches.first, let watch = watches[id],
            !watch.primaries.isEmpty
        else { return }
        if let askedAt = state.askedAt, now - askedAt < Limits.liveReadAgain { return }
        if state.askedAt == nil { missing.append(key) }
        let order = watch.primaries.indices.sorted { a, b in
            func cost(_ place: Int) -> (Int, Int, Int) {
                (state.isHeld(by: place) ? 0 : 1, place == watch.source ? 0 : 1, place)
            }
            return cost(a) < cost(b)
        }
        keys[bytes]?.askedAt = now
        keys[bytes]?.tries += 1
        out.emit(.send(.read(key: key), to: watch.primaries[order[state.tries % order.count]].node))
    }

    mutating func askAgain(_ now: Instant, _ out: inout Outbox<Effect>) {
        missing.removeAll { keys[KeyBytes($0)].map { $0.whole != nil || $0.askedAt == nil } ?? true }
        for key in missing { ask(for: key, now, &out) }
    }

    /// The oldest contents are dropped, down to the bound; their vectors stay. What is being put together from several
    /// replicas is kept, or it would never be whole.
    mutating func dropContents() {
        var kept: [(key: [UInt8], stamp: UInt64)] = []
        while contentBytes > contentRoom, let (key, stamp) = contentOrder.popFirst() {
            let bytes = KeyBytes(key)
            guard let state = keys[bytes], state.stamp == stamp else { continue }
            guard state.askedAt == nil else {
                kept.append((key, stamp))
                continue
            }
            contentBytes -= state.sizeBytes
            keys[bytes]?.dropContent()
        }
        contentOrder += kept
        guard contentOrder.count > 2 * keys.count + Limits.liveTurnKeys else { return }
        contentOrder.removeAll { keys[KeyBytes($0.key)]?.stamp != $0.stamp }
    }
}
