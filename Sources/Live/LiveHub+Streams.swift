// The hub's dealings with primaries: orders, streams, the choice of sources, and what is done when time passes.

import Keys
import Ring
import World

extension LiveHub {
    func place(of node: NodeID) -> Int? {
        let place = books.firstPlace { $0.node < node }
        return place < books.count && books[place].node == node ? place : nil
    }

    // MARK: Orders

    /// Orders a watch from one of its primaries, anew if it was already.
    mutating func order(_ id: UInt32, _ place: Int, _ now: Instant) {
        guard let watch = watches[id] else { return }
        let node = watch.primaries[place].node
        var at = books.firstPlace { $0.node < node }
        if self.place(of: node) == nil { books.insert((node, PrimaryBook(now: now)), at: at) }
        guard books[at].book.stream != nil else {
            // Begins the stream with all that is to be ordered from it, this one too.
            return begin(at, now)
        }
        at = books.firstPlace { $0.node < node }
        var since: ChangeMark?
        if case .open(let shard) = watch.primaries[place].mark, let life = books[at].book.life,
            let position = books[at].book.position(shard)
        {
            since = ChangeMark(life: life, shard: shard, position: position)
        } else {
            watches[id]?.primaries[place].mark = .asked
        }
        books[at].book.order(
            WatchOrder(id: id, target: watch.target, isSource: watch.source == place, since: since))
    }

    mutating func withdraw(_ id: UInt32, _ place: Int, _ out: inout Outbox<Effect>) {
        guard let watch = watches[id], let at = self.place(of: watch.primaries[place].node),
            watch.primaries[place].mark != .refused, let stream = books[at].book.stream
        else { return }
        books[at].book.withdraw(watch.target, id: id, isSource: watch.source == place)
        out.emit(.send(.unwatch(stream, [id]), to: books[at].node))
    }

    /// Begins a stream: orders all watches of a primary, each from where all that it told is known.
    mutating func begin(_ at: Int, _ now: Instant) {
        nextStream += 1
        books[at].book.begin(LiveStream(life: life, count: nextStream), now)
        let node = books[at].node
        for id in watchIDs { if let place = watches[id]?.place(of: node) { order(id, place, now) } }
    }

    mutating func sendOrders(_ out: inout Outbox<Effect>) {
        for at in books.indices {
            guard let stream = books[at].book.stream, !books[at].book.orders.isEmpty else { continue }
            let orders = books[at].book.orders
            for start in stride(from: 0, to: orders.count, by: Limits.liveOrders) {
                let some = Array(orders[start..<min(orders.count, start + Limits.liveOrders)])
                out.emit(
                    .send(.watch(stream, isFirst: books[at].book.isFirst, some), to: books[at].node))
                books[at].book.isFirst = false
            }
            books[at].book.clearOrders()
        }
    }

    // MARK: Sources

    /// The best by the ranking of those that `isEligible`.
    private func bestPlace(of watch: HubWatch, _ isEligible: (NodeID) -> Bool) -> Int? {
        watch.primaries.indices.filter { isEligible(watch.primaries[$0].node) }
            .min { rank(watch, $0) < rank(watch, $1) }
    }

    private func rank(_ watch: HubWatch, _ place: Int) -> (Int, Int) {
        (ranking[watch.primaries[place].node] ?? .max, place)
    }

    /// The best that is heard, or the best there is.
    func source(of watch: HubWatch, _ now: Instant) -> Int {
        bestSource(of: watch, now) ?? bestPlace(of: watch) { _ in true } ?? 0
    }

    private func bestSource(of watch: HubWatch, _ now: Instant) -> Int? {
        bestPlace(of: watch) { node in
            place(of: node).map { books[$0].book.isHeard(within: Limits.liveSourceSilence, now) } ?? false
        }
    }

    /// Watches whose source fell silent, or is not the best any more, get another.
    private mutating func chooseSources(_ now: Instant) {
        let heard = books.filter { $0.book.isHeard(within: Limits.liveSourceSilence, now) }.map(\.node)
        guard heard != heardNodes else { return }
        heardNodes = heard
        for id in watchIDs {
            guard let watch = watches[id], let best = bestSource(of: watch, now), best != watch.source else {
                continue
            }
            changeSource(of: id, to: best, now)
        }
    }

    private mutating func changeSource(of id: UInt32, to best: Int, _ now: Instant) {
        guard let watch = watches[id] else { return }
        for place in [watch.source, best] where watch.primaries[place].mark != .refused {
            guard let at = self.place(of: watch.primaries[place].node) else { continue }
            books[at].book.withdraw(watch.target, id: id, isSource: place == watch.source)
        }
        watches[id]?.source = best
        for place in [watch.source, best] where watch.primaries[place].mark != .refused { order(id, place, now) }
    }

    // MARK: The ring

    /// Watches follow their primaries.
    mutating func followRing(_ now: Instant, _ out: inout Outbox<Effect>) {
        for id in watchIDs {
            guard let watch = watches[id] else { continue }
            let primaries = ring.route(bucket: watch.target.bucket, token: watch.target.token).primaries
            let isSame = primaries == watch.primaries.map(\.node)
            guard !isSame || watch.primaries.contains(where: { $0.mark == .refused }) else { continue }
            for place in watch.primaries.indices { withdraw(id, place, &out) }
            let marks = primaries.map { node in
                watch.place(of: node).map { watch.primaries[$0].mark }.flatMap { $0 == .refused ? nil : $0 } ?? .asked
            }
            var moved = watch
            moved.primaries = Array(zip(primaries, marks))
            moved.source = source(of: moved, now)
            watches[id] = moved
            // Their places have changed.
            let places = primaries.map(watch.place)
            for key in watch.members where keys[KeyBytes(key)]?.watches.first == id {
                keys[KeyBytes(key)]?.move(from: places)
                weigh(key)
            }
            for place in primaries.indices { order(id, place, now) }
        }
    }

    // MARK: Time

    mutating func tick(_ now: Instant, _ out: inout Outbox<Effect>) {
        for at in books.indices where books[at].book.count > 0 {
            let book = books[at].book
            if !book.isHeard(within: Limits.liveSilence, now), now - book.openedAt >= Limits.liveReopening {
                begin(at, now)
            } else if now - book.renewedAt >= Limits.liveRenewal || book.settledNumber != book.confirmed {
                renew(at, now, &out)
            }
            if seams.readsFromGuards { readFromGuard(at, now, &out) }
        }
        chooseSources(now)
        askAgain(now, &out)
        if lastLook.map({ now - $0 >= Limits.liveBeat }) ?? true {
            lastLook = now
            look(now, &out)
        }
        resumeLate(now, &out)
    }

    mutating func renew(_ at: Int, _ now: Instant, _ out: inout Outbox<Effect>) {
        if let renewal = books[at].book.renewal(now) { out.emit(.send(renewal, to: books[at].node)) }
    }

    /// Once a second: who is silent, who is stuck, what nobody looks at.
    private mutating func look(_ now: Instant, _ out: inout Outbox<Effect>) {
        for id in watchIDs {
            guard let watch = watches[id] else { continue }
            if let idle = watch.idleSince, now - idle >= Limits.liveLinger {
                close(id, nil, now, &out)
                continue
            }
            let heard = watch.primaries.compactMap { place(of: $0.node).flatMap { books[$0].book.heard } }.max()
            if let heard, heard > watch.heard { watches[id]?.heard = heard }
            let isLagging = now - max(heard ?? watch.heard, watch.heard) >= Limits.liveLag
            guard isLagging != watch.isLagging else { continue }
            watches[id]?.isLagging = isLagging
            for subscriber in watch.subscribers { touch(subscriber) }
        }
        for id in subscribers.keys.sorted() {
            guard let subscriber = subscribers[id] else { continue }
            if let since = subscriber.writingSince {
                guard now - since >= Limits.liveStuck else { continue }
                remove(id, now)
                out.emit(.end(id, .stuck))
            } else if now - subscriber.lastWrite >= Limits.liveHeartbeat {
                touch(id)
            }
        }
    }
}
