// From what is known to what is written: each connection that has room gets one block of what it lacks.

import Causality
import Keys
import World

extension LiveHub {
    mutating func write(_ now: Now, _ out: inout Outbox<Effect>) {
        let ids = touched
        touched = []
        for id in ids {
            subscribers[id]?.isTouched = false
            guard var subscriber = subscribers[id], subscriber.writingSince == nil else { continue }
            // Taken out, so that its sets are not copied when they change.
            subscribers[id] = nil
            var block = EventBlock()
            for part in subscriber.parts.indices {
                begin(part, &subscriber, now.instant, &out)
                fill(&block, part, &subscriber, now, &out)
            }
            if block.isEmpty, now.instant - subscriber.lastWrite >= Limits.liveHeartbeat {
                if subscriber.tellsPositions {
                    block.addPosition(id: subscriber.eventID)
                } else {
                    block.addHeartbeat()
                }
            }
            if !block.isEmpty {
                subscriber.writingSince = now.instant
                subscriber.lastWrite = now.instant
                out.emit(.write(id, block.pieces))
            }
            subscribers[id] = subscriber
        }
    }

    /// Adds what one watch of a connection has to tell.
    private mutating func fill(
        _ block: inout EventBlock, _ part: Int, _ subscriber: inout Subscriber, _ now: Now, _ out: inout Outbox<Effect>
    ) {
        guard let watch = watches[subscriber.parts[part].watch] else { return }
        tellLag(&block, part, &subscriber, watch, now.instant)
        for words in subscriber.parts[part].takeSaid() {
            block.add(words, watch: subscriber.parts[part].name, id: subscriber.eventID)
        }
        if subscriber.parts[part].isTooFarBehind {
            subscriber.parts[part].isTooFarBehind = false
            subscriber.parts[part].sent = .nothing
            subscriber.parts[part].floor = .init()
            subscriber.parts[part].state = nil
            subscriber.parts[part].phase = .listing(after: nil)
            block.add("reset", watch: subscriber.parts[part].name, id: subscriber.eventID)
        }
        list(&block, part, &subscriber, now, &out)
        var rest = subscriber.parts[part].dirty.count
        while rest > 0, !block.isFull, let key = subscriber.parts[part].dirty.takeFirst() {
            rest -= 1
            let isThere = add(key, to: &block, part, &subscriber, now, &out)
            if !isThere { subscriber.parts[part].dirty.insert(key) }
        }
        guard subscriber.parts[part].dirty.isEmpty else { return }
        switch subscriber.parts[part].phase {
        case .finishing:
            settleID(part, &subscriber)
            subscriber.parts[part].phase = .live
            block.add("ready", watch: subscriber.parts[part].name, id: subscriber.eventID)
        case .live: settleID(part, &subscriber)
        case .waiting, .resuming, .listing: break
        }
    }

    /// All that is known was sent: so far the id of a range says.
    private func settleID(_ part: Int, _ subscriber: inout Subscriber) {
        // What is withheld would be missed by who resumes behind it.
        guard subscriber.parts[part].isRange, let watch = watches[subscriber.parts[part].watch],
            !subscriber.needsQuorum || watch.withheld == 0
        else { return }
        let marks = watch.primaries.compactMap { primary -> EventID.Mark? in
            guard case .open(let shard) = primary.mark, let at = place(of: primary.node),
                let life = books[at].book.life, let position = books[at].book.position(shard)
            else { return nil }
            return EventID.Mark(
                node: primary.node, at: ChangeMark(life: life, shard: shard, position: position))
        }
        subscriber.parts[part].sent = .marks(
            marks.sorted { $0.node < $1.node }, until: watch.hasEnds ? wall : nil)
    }

    private func tellLag(
        _ block: inout EventBlock, _ part: Int, _ subscriber: inout Subscriber, _ watch: HubWatch, _ now: Instant
    ) {
        guard subscriber.parts[part].toldLagging != watch.isLagging else { return }
        subscriber.parts[part].toldLagging = watch.isLagging
        let behind = (now - watch.heard).nanoseconds / 1_000_000
        block.add(
            watch.isLagging ? "lagging" : "current", watch: subscriber.parts[part].name, id: subscriber.eventID,
            behindMs: watch.isLagging ? Int(clamping: behind) : nil)
    }

    /// Goes on with all that stands.
    private mutating func list(
        _ block: inout EventBlock, _ part: Int, _ subscriber: inout Subscriber, _ now: Now, _ out: inout Outbox<Effect>
    ) {
        guard case .listing(var after) = subscriber.parts[part].phase,
            let members = watches[subscriber.parts[part].watch]?.members(after: after)
        else { return }
        for place in members.indices where !block.isFull {
            guard add(members[place], isNew: true, to: &block, part, &subscriber, now, &out) else {
                // It was asked for; so are those after it, or each would take a round trip.
                for next in members[place...].dropFirst().prefix(Limits.liveReadsAhead) {
                    ask(for: next, now.instant, &out)
                }
                break
            }
            after = members[place]
        }
        let isEnd = members.isEmpty || after == members.last
        subscriber.parts[part].phase = isEnd ? .finishing : .listing(after: after)
    }

    /// Adds a key as it is now, if there is anything to say of it; false if its contents are not at hand. `isNew`: the
    /// client shows nothing of it.
    private mutating func add(
        _ key: [UInt8], isNew: Bool = false, to block: inout EventBlock, _ part: Int, _ subscriber: inout Subscriber,
        _ now: Now, _ out: inout Outbox<Effect>
    ) -> Bool {
        let bytes = KeyBytes(key)
        guard let state = keys[bytes] else { return true }
        guard let content = subscriber.needsQuorum ? state.quorum?.standing : state.whole else {
            guard !subscriber.needsQuorum || state.wantsContents else { return true }
            ask(for: key, now.instant, &out)
            return false
        }
        let isNewest = content.versions == state.known
        guard let event = event(of: key, content, isNewest, for: subscriber.parts[part], now.wall) else { return true }
        let isRange = subscriber.parts[part].isRange
        if isNew, isRange, event.kind == .gone { return true }
        // Who resumes may have seen what has ended since.
        guard isRange || state.lastEnd != nil || !subscriber.parts[part].floor.covers(content.versions) else {
            return true
        }
        if !isRange {
            subscriber.parts[part].sent = .context(event.version)
        } else if subscriber.parts[part].dirty.isEmpty, subscriber.parts[part].phase == .live {
            settleID(part, &subscriber)
        }
        tell(event, of: key, isNewest, &block, part, &subscriber)
        if !isNew, subscriber.parts[part].phase == .live {
            // Documents bear no time, nor do those that were deleted.
            let made = event.time.flatMap { $0.bits > 0 ? $0 : nil } ?? state.changedAt
            noteDelay(of: made, at: now.wall)
        }
        return true
    }

    /// What is said of a key as it is now, made once for all who are told it in one form. Nil if no replica has ever
    /// seen the key.
    private mutating func event(
        of key: [UInt8], _ content: LiveContent, _ isNewest: Bool, for part: WatchedPart, _ wall: WallTime
    ) -> KeyEvent? {
        guard isNewest else { return KeyEvent(content, key: key, showsIDs: part.form.showsIDs, wall: wall) }
        let (bytes, showsIDs) = (KeyBytes(key), part.form.showsIDs)
        let told = keys[bytes]?[showsIDs: showsIDs] ?? ToldKey()
        if told.isReady(forChanges: part.tellsChanges) { return told.event }
        guard let event = KeyEvent(content, key: key, showsIDs: showsIDs, wall: wall) else { return nil }
        guard event.lasts else { return event }
        lastState += 1
        keys[bytes]?[showsIDs: showsIDs].take(event, forChanges: part.tellsChanges, number: lastState)
        contentBytes += (keys[bytes]?[showsIDs: showsIDs].sizeBytes ?? 0) - told.sizeBytes
        return event
    }

    /// Adds what has changed, or all that stands there.
    private mutating func tell(
        _ event: KeyEvent, of key: [UInt8], _ isNewest: Bool, _ block: inout EventBlock, _ part: Int,
        _ subscriber: inout Subscriber
    ) {
        let (shown, head) = (subscriber.parts[part], subscriber.parts[part].head)
        let told = keys[KeyBytes(key)]?[showsIDs: shown.form.showsIDs]
        let history = shown.tellsChanges && isNewest && event.lasts ? told?.history : nil
        subscriber.parts[part].state = history?.number
        if let change = shown.state.flatMap({ history?.change(from: $0) }) {
            block.add(change, id: subscriber.eventID, head: head)
        } else {
            block.add(event, inRange: shown.isRange, id: subscriber.eventID, head: head)
        }
    }

    // MARK: Resuming

    /// A watch that has become ready begins for one who waits for it.
    private mutating func begin(
        _ part: Int, _ subscriber: inout Subscriber, _ now: Instant, _ out: inout Outbox<Effect>
    ) {
        guard case .waiting(let from) = subscriber.parts[part].phase,
            let watch = watches[subscriber.parts[part].watch],
            subscriber.needsQuorum ? watch.hasOpenQuorum : watch.isReady
        else { return }
        switch from {
        case .marks: askWhatChanged(from, tried: [], part, &subscriber, now, &out)
        // What the client shows may be gone since.
        case .nothing: subscriber.parts[part].giveUp()
        case .context, nil: subscriber.parts[part].phase = .listing(after: nil)
        }
    }

    /// Asks a primary that the id names what has changed since; or begins anew if none is left.
    private mutating func askWhatChanged(
        _ from: EventID.Part?, tried: [NodeID], _ part: Int, _ subscriber: inout Subscriber, _ now: Instant,
        _ out: inout Outbox<Effect>
    ) {
        guard case .marks(let marks, _)? = from, let watch = watches[subscriber.parts[part].watch] else { return }
        func mark(_ place: Int) -> EventID.Mark? {
            guard case .open = watch.primaries[place].mark, let at = self.place(of: watch.primaries[place].node)
            else { return nil }
            return marks.first {
                $0.node == watch.primaries[place].node && !tried.contains($0.node)
                    && $0.at.life == books[at].book.life
            }
        }
        let places = watch.primaries.indices.filter { mark($0) != nil }
        guard let place = places.contains(watch.source) ? watch.source : places.first, let chosen = mark(place) else {
            return subscriber.parts[part].giveUp()
        }
        // What it has not told of by now, and is known from others, would not be among what it tells to have changed.
        for key in watch.members where keys[KeyBytes(key)]?.isHeld(by: place) == false {
            subscriber.parts[part].dirty.insert(key)
        }
        guard subscriber.parts[part].dirty.count <= Limits.liveDirtyKeys else {
            return subscriber.parts[part].giveUp()
        }
        nextAsk += 1
        asks[nextAsk] = (subscriber.id, part)
        subscriber.parts[part].phase = .resuming(
            from ?? .nothing, ask: nextAsk, since: now, tried: tried + [chosen.node])
        out.emit(
            .send(.changes(ask: nextAsk, watch.target, since: chosen.at), to: chosen.node))
    }

    /// A primary has said what changed; nil if that is more than it remembers.
    mutating func resume(_ ask: UInt64, _ changed: [[UInt8]]?, _ now: Instant, _ out: inout Outbox<Effect>) {
        guard let (id, part) = asks.removeValue(forKey: ask), var subscriber = subscribers.removeValue(forKey: id)
        else { return }
        if case .resuming(let from, let asked, _, let tried) = subscriber.parts[part].phase, asked == ask {
            if let changed {
                subscriber.parts[part].phase = .finishing
                // What is not known yet is told when it is.
                for key in changed where keys[KeyBytes(key)] != nil { subscriber.parts[part].note(key) }
                if case .marks(_, let until) = from { noteEnded(since: until, part, &subscriber) }
            } else {
                askWhatChanged(from, tried: tried, part, &subscriber, now, &out)
            }
        }
        subscribers[id] = subscriber
        touch(id)
    }

    /// Who has not answered in time is not waited for.
    mutating func resumeLate(_ now: Instant, _ out: inout Outbox<Effect>) {
        for ask in asks.keys.sorted() {
            guard let (id, part) = asks[ask],
                case .resuming(_, _, let since, _)? = subscribers[id]?.parts[part].phase,
                now - since >= Limits.liveResumePatience
            else { continue }
            resume(ask, nil, now, &out)
        }
    }
}
