// Where the replay of one target's hints stands: what is to be sent next, and what is on its way.
//
// What came last leaves first: of all that a replica has missed its users miss most what they have just written. The
// order is kept in memory, for as many hints as a bound allows. Those before them leave last, in the order of their
// keys, by a walk through the store that begins anew, after a pause, until nothing is left; it also finds whatever was
// sent in vain. So no hint depends on what is remembered here.
//
//     kept ──▶ flying ──▶ gone        confirmed
//      ▲  ▲      │ ╰────▶ late        not answered in time: it is sent again, and whichever answer comes first counts
//      │  ╰──────┤        resting     the replica will not have this one: it is tried again seldom
//      ╰─────────╯
//                                     lost, or changed meanwhile

import Keys
import Storage
import World

struct HintReplay: Sendable {
    /// A hint on its way.
    struct Flight {
        let hintKey: [UInt8]
        /// Of its record and key, as they were sent.
        let size: Int
        /// When it was sent first, and last.
        let leftAt: Instant
        var sentAt: Instant
        /// More was merged into the hint since.
        var hasChanged = false
    }

    /// What has come since the start, and of earlier runs what came last; the last one is sent next. One that changed
    /// stands here twice, and the older place is passed over.
    private var newest: [[UInt8]] = []
    private(set) var newestBytes = 0
    /// The last key that the walk has come to; empty: it is at the beginning, where it waits for a time.
    private var walked: [UInt8] = []
    private var walkAgainAt = Instant.origin
    private var flights = SlotTable<Flight>()
    /// The flights' numbers by their hint's key: of those that are waited for, and of those that are late.
    private var flying: [KeyBytes: UInt64] = [:]
    private var late: [KeyBytes: UInt64] = [:]
    /// Those that are waited for in the order in which they left, with such as have landed.
    private var departures: [(id: UInt64, at: Instant)] = []
    /// Hints that their replica has refused for what they are, and until when they rest; the same in that order, with
    /// such as rest no longer.
    private var resting: [KeyBytes: Instant] = [:]
    private var rests: [(key: KeyBytes, until: Instant)] = []
    private var window = ByteWindow(least: Limits.windowBytes, most: Limits.hintFlightBytes)
    /// How long an answer is waited for: twice what one took lately.
    private var patience = Limits.hintPatience
    /// After a refusal the target is left alone for a while.
    private(set) var pausedUntil = Instant.origin

    /// Bytes that may leave now. `share`: of what all targets together may have on their way.
    mutating func room(of share: Int) -> Int {
        window.most = share
        return window.bytes - window.inFlight
    }

    // MARK: What is to be sent

    /// This hint is new, or more was merged into it. `bound`: bytes that what is remembered may take.
    mutating func note(_ hintKey: [UInt8], bound: Int) {
        let key = KeyBytes(hintKey)
        if let id = flying[key] { return mark(id) }
        forget(hintKey)
        push(hintKey)
        trim(to: bound)
    }

    /// What was sent of this hint, or refused, is not what there is now.
    mutating func forget(_ hintKey: [UInt8]) {
        let key = KeyBytes(hintKey)
        if let id = late.removeValue(forKey: key) { flights.remove(id) }
        resting[key] = nil
    }

    /// Remembers the newer half, each key once, where it is more than `bound` bytes.
    mutating func trim(to bound: Int) {
        guard newestBytes > bound else { return }
        let old = newest.reversed()
        var seen: Set<KeyBytes> = []
        (newest, newestBytes) = ([], 0)
        for key in old where seen.insert(KeyBytes(key)).inserted {
            push(key)
            if newestBytes > bound / 2 { break }
        }
        newest.reverse()
    }

    /// Nothing is kept for the target any more.
    mutating func forgetOrder() { (newest, newestBytes, walked) = ([], 0, []) }

    private mutating func mark(_ id: UInt64) {
        guard var flight = flights.take(id) else { return }
        flight.hasChanged = true
        flights.put(flight, id)
    }

    private mutating func push(_ hintKey: [UInt8]) {
        newest.append(hintKey)
        newestBytes += HintReplay.memory(hintKey)
    }

    /// A key with its array, and its place in the list.
    private static func memory(_ hintKey: [UInt8]) -> Int { hintKey.count + 40 }

    private func mayLeave(_ key: KeyBytes) -> Bool { flying[key] == nil && resting[key] == nil }

    /// The newest that is not on its way; nil if no more are remembered.
    mutating func popNewest() -> [UInt8]? {
        while let key = newest.popLast() {
            newestBytes -= HintReplay.memory(key)
            if mayLeave(KeyBytes(key)) { return key }
        }
        return nil
    }

    /// Whether the walk may find one of the `hints` that are kept. Where all are on their way it would only meet what
    /// has been deleted; and what it has passed by is soon enough found by the next one.
    func wantsWalk(of hints: Int, at now: Instant) -> Bool {
        hints > flying.count + resting.count && (!walked.isEmpty || now >= walkAgainAt)
    }

    /// The next hints on the walk that may be sent: `most` at most, and such as have `bytes`.
    mutating func walk(
        _ range: KeyRange, most: Int, bytes: Int, _ store: any KeyValueStore, at now: Instant
    ) throws(StorageFailure) -> [(key: [UInt8], value: [UInt8])] {
        var range = range
        if range.start.precedes(walked) { range.start = walked + [0] }
        var found: [(key: [UInt8], value: [UInt8])] = []
        var (seen, size) = (0, 0)
        var last: [UInt8] = []
        var isAtEnd = true
        try store.scan(range, reverse: false) { key, value in
            guard found.count < most, size < bytes, seen < Limits.batchRequests else {
                isAtEnd = false
                return false
            }
            seen += 1
            last = key
            guard mayLeave(KeyBytes(key)) else { return true }
            found.append((key, value))
            size += key.count + value.count
            return true
        }
        walked = isAtEnd ? [] : last
        if isAtEnd { walkAgainAt = now + Limits.hintPause }
        return found
    }

    // MARK: What is on its way

    /// Returns the flight's number: of one that is late the same, as its answer says the same.
    mutating func send(_ hintKey: [UInt8], size: Int, at now: Instant) -> UInt64 {
        let key = KeyBytes(hintKey)
        let id: UInt64
        if let old = late.removeValue(forKey: key), var flight = flights.take(old) {
            flight.sentAt = now
            flights.put(flight, old)
            id = old
        } else {
            id = flights.insert(Flight(hintKey: hintKey, size: size, leftAt: now, sentAt: now))
        }
        flying[key] = id
        departures.append((id, now))
        window.sent(size, at: now)
        return id
    }

    /// The replica has the hint as it was sent. Nil if nobody waits for that any more.
    mutating func land(_ id: UInt64, at now: Instant) -> Flight? {
        guard let (flight, wasLate) = end(id) else { return nil }
        if !wasLate { window.confirmed(flight.size, sentAt: flight.sentAt, now: now) }
        let usual = max(Limits.hintPatience, (now - flight.leftAt) * 2, patience - patience / 8)
        patience = min(usual, Limits.hintPatienceLongest)
        return flight
    }

    /// It has not, or that is not known.
    @discardableResult
    mutating func lose(_ id: UInt64) -> Flight? {
        guard let (flight, wasLate) = end(id) else { return nil }
        if !wasLate { window.lost(flight.size) }
        return flight
    }

    /// It will not have this hint. False if it refuses so many that something else must be wrong.
    mutating func rest(_ id: UInt64, at now: Instant) -> Bool {
        guard let flight = land(id, at: now), !flight.hasChanged else { return true }
        guard rests.count < Limits.hintsResting else { return false }
        let key = KeyBytes(flight.hintKey)
        let until = now + Limits.refusedHintPause
        resting[key] = until
        rests.append((key, until))
        return true
    }

    mutating func pause(until instant: Instant) { pausedUntil = max(pausedUntil, instant) }

    private mutating func end(_ id: UInt64) -> (Flight, wasLate: Bool)? {
        guard let flight = flights.remove(id) else { return nil }
        let key = KeyBytes(flight.hintKey)
        if late[key] == id {
            late[key] = nil
            return (flight, true)
        }
        flying[key] = nil
        return (flight, false)
    }

    /// Waits no longer for what is overdue, nor lets rest what has rested.
    mutating func lookAtTime(_ now: Instant) {
        let rested = rests.prefix { $0.until <= now }
        for (key, until) in rested where resting[key] == until { resting[key] = nil }
        rests.removeFirst(rested.count)
        let overdue = departures.prefix { now - $0.at >= patience || !flights.contains($0.id) }
        var isAnyLate = false
        for (id, _) in overdue { isAnyLate = giveUp(id) || isAnyLate }
        departures.removeFirst(overdue.count)
        if isAnyLate { patience = min(patience * 2, Limits.hintPatienceLongest) }
    }

    private mutating func giveUp(_ id: UInt64) -> Bool {
        guard let flight = flights.take(id) else { return false }
        window.lost(flight.size)
        let key = KeyBytes(flight.hintKey)
        flying[key] = nil
        if flight.hasChanged || late.count >= Limits.hintsLate {
            flights.release(id)
        } else {
            flights.put(flight, id)
            late[key] = id
        }
        return true
    }
}
