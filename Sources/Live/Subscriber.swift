// One client's connection: what it looks at, what it was sent, and what waits for it.
//
// Nothing queues. While a block of events is on its way to the socket, keys that change become dirty, each once; the
// next block has them as they are then. So a slow reader costs a set of keys, and sees fewer states, never older ones.

import DataTypes
import Causality
package import Keys
import World

/// What one client asks to be kept told of.
package struct LiveSubscription: Sendable {
    package struct Watch: Hashable, Sendable {
        let target: LiveTarget
        /// As the client wrote it; its events bear it.
        let name: [UInt8]

        package init(target: LiveTarget, name: [UInt8]) {
            self.target = target
            self.name = name
        }

        package var bucket: [UInt8] { target.bucket }

        /// Nil of a range.
        package var key: StoredKey? { target.range == nil ? try? StoredKey(decoding: target.base) : nil }
    }

    /// 1 to `Limits.liveWatchesOfConnection`.
    let watches: [Watch]
    /// For as many watches.
    let resume: EventID?
    /// A fresh id with each heartbeat (`?at=true`).
    let tellsPositions: Bool
    /// It is told what others say who look at the same key.
    let hears: Bool
    let form: DocumentForm
    /// It is shown what a quorum of each key's primaries has, and nothing before.
    package var needsQuorum = false

    package init(
        watches: [Watch], resume: EventID?, tellsPositions: Bool, hears: Bool = false,
        form: DocumentForm = DocumentForm()
    ) {
        self.watches = watches
        self.resume = resume
        self.tellsPositions = tellsPositions
        self.hears = hears
        self.form = form
    }
}

/// Why a connection is ended by its node.
package enum LiveEnd: Hashable, Sendable {
    /// 503: too many subscribers, watches or keys.
    case overloaded
    /// 413: a range of more items than one may begin with, or grow to.
    case tooLarge
    /// It took nothing for a minute.
    case stuck
}

/// A watch of a connection.
struct WatchedPart: Sendable {
    enum Phase: Hashable, Sendable {
        /// The watch is not ready; then it begins where the id says, or with all for a client that is new.
        case waiting(EventID.Part?)
        /// A primary was asked what changed since the id; those at `tried` could not tell.
        case resuming(EventID.Part, ask: UInt64, since: Instant, tried: [NodeID])
        /// All that stands is sent in order, and was up to this key.
        case listing(after: [UInt8]?)
        /// What is dirty was missed; then comes `ready`.
        case finishing
        case live
    }

    let watch: UInt32
    let name: [UInt8]
    let head: ArraySlice<UInt8>
    let isRange: Bool
    let form: DocumentForm
    /// The number of the document's state that the client shows, if it is told changes of one.
    var state: UInt64?
    var phase: Phase
    var dirty = DirtySet()
    /// What was said, by whom, and not told yet: of each the newest.
    private(set) var said: [(from: Writer, data: [UInt8])] = []
    /// Its part of the ids: all up to there was sent.
    var sent: EventID.Part
    /// What the client has seen of a key that it resumes: nothing older is sent.
    var floor = VersionVector()
    var isTooFarBehind = false
    var toldLagging = false

    init(_ watch: UInt32, _ asked: LiveSubscription.Watch, resume: EventID.Part?, form: DocumentForm) {
        self.watch = watch
        self.form = form
        name = asked.name
        head = EventBlock.head(watch: asked.name)
        isRange = asked.target.range != nil
        sent = .nothing
        phase = .waiting(resume)
        switch resume {
        case .context(let bytes) where !isRange:
            // One of another key, or made up, says nothing.
            guard let context = try? CausalContext(decoding: bytes, for: asked.target.base) else {
                phase = .waiting(.nothing)
                break
            }
            floor = context.versions
            sent = .context(bytes)
        case .marks(let marks, let until) where isRange: sent = .marks(marks, until: until)
        case .context, .marks, .nothing: phase = .waiting(.nothing)
        case nil: break
        }
    }

    /// `key` has changed.
    mutating func note(_ key: [UInt8]) {
        switch phase {
        case .waiting: return
        case .listing(let after):
            // What stands after that comes anyway.
            guard let after, !after.precedes(key) else { return }
        case .resuming, .finishing, .live: break
        }
        guard !isTooFarBehind else { return }
        dirty.insert(key)
        if dirty.count > Limits.liveDirtyKeys { giveUp() }
    }

    /// Past a bound the oldest goes: it will be said again.
    mutating func note(_ words: LiveWords) {
        said.removeAll { $0.from == words.from }
        if said.count >= Limits.saidWaiting { said.removeFirst() }
        said.append((words.from, words.data))
    }

    mutating func takeSaid() -> [(from: Writer, data: [UInt8])] {
        defer { said = [] }
        return said
    }

    /// All will be sent again.
    mutating func giveUp() {
        isTooFarBehind = true
        dirty.removeAll()
    }

    /// What was sent may be more than there is.
    mutating func beginAnew() {
        if case .waiting = phase { return }
        giveUp()
    }

    /// Of a range each item comes whole: which of its states a client shows is not kept.
    var tellsChanges: Bool { form.tellsChanges && !isRange }

    /// Whether there is anything to be written but what changes.
    var isSettled: Bool { phase == .live && dirty.isEmpty && !isTooFarBehind }
}

struct Subscriber: Sendable {
    let id: UInt64
    let tellsPositions: Bool
    let hears: Bool
    var needsQuorum = false
    var parts: [WatchedPart]
    /// Since when a block is on its way to the socket; nil if the socket takes more.
    var writingSince: Instant?
    var lastWrite: Instant
    /// It is among those that are looked at with the end of this turn.
    var isTouched = false

    init(_ id: UInt64, parts: [WatchedPart], tellsPositions: Bool, hears: Bool, now: Instant) {
        self.id = id
        self.hears = hears
        self.parts = parts
        self.tellsPositions = tellsPositions
        lastWrite = now
    }

    mutating func note(_ words: LiveWords, of watch: UInt32) {
        for place in parts.indices where parts[place].watch == watch && !parts[place].isRange {
            parts[place].note(words)
        }
    }

    /// A part that would make the id too long says nothing: that watch would begin anew.
    var eventID: String {
        var room = Limits.liveIDBytes - 2 * parts.count
        return parts.map { part in
            let text = part.sent.text
            guard text.utf8.count <= room else { return "-" }
            room -= text.utf8.count
            return text
        }.joined(separator: ",")
    }
}
