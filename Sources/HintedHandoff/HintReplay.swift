// Where the replay of one target's hints stands: what is to be sent next, and what is on its way.
//
// What came last leaves first: of all that a replica has missed its users miss most what they have just written. The
// order is kept in memory, for as many hints as a bound allows. Those before them leave last, in the order of their
// keys, by a walk through the store that begins anew at its end until nothing is left; it also finds whatever was sent
// in vain. So no hint depends on what is remembered here.

import Keys
import Storage
import World

struct HintReplay: Sendable {
    /// A hint on its way.
    struct Flight {
        let hintKey: [UInt8]
        /// Of its record and key, as they were sent.
        let size: Int
        let sentAt: Instant
        /// More was merged into the hint since.
        var hasChanged = false
    }

    /// What has come since the start, and of earlier runs what came last; the last one is sent next. One that changed
    /// stands here twice, and the older place is passed over.
    private var newest: [[UInt8]] = []
    private var newestBytes = 0
    /// The last key that the walk has come to; empty: it is at the beginning.
    private var walked: [UInt8] = []
    private var flights = SlotTable<Flight>()
    /// The flights' numbers by their hint's key.
    private var flying: [KeyBytes: UInt64] = [:]
    /// The same in the order in which they left, with such as have landed.
    private var departures: [(id: UInt64, at: Instant)] = []
    private var window = ByteWindow(least: Limits.windowBytes, most: Limits.hintFlightBytes)
    /// After a refusal the target is left alone for a while.
    var pausedUntil = Instant.origin

    /// Bytes that may leave now. `share`: of what all targets together may have on their way.
    mutating func room(of share: Int) -> Int {
        window.most = share
        return window.bytes - window.inFlight
    }

    // MARK: What is to be sent

    /// This hint is new, or more was merged into it. `bound`: bytes that what is remembered may take.
    mutating func note(_ hintKey: [UInt8], bound: Int) {
        if let id = flying[KeyBytes(hintKey)] { return mark(id) }
        push(hintKey)
        guard newestBytes > bound else { return }
        // The newer half, each key once.
        let old = newest.reversed()
        var seen: Set<KeyBytes> = []
        (newest, newestBytes) = ([], 0)
        for key in old where seen.insert(KeyBytes(key)).inserted {
            push(key)
            if newestBytes > bound / 2 { break }
        }
        newest.reverse()
    }

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

    /// The newest that is not on its way; nil if no more are remembered.
    mutating func popNewest() -> [UInt8]? {
        while let key = newest.popLast() {
            newestBytes -= HintReplay.memory(key)
            if flying[KeyBytes(key)] == nil { return key }
        }
        return nil
    }

    /// The next hints on the walk that are not on their way: `most` at most, and such as have `bytes`.
    mutating func walk(
        _ range: KeyRange, most: Int, bytes: Int, _ store: any KeyValueStore
    ) throws(StorageFailure) -> [(key: [UInt8], value: [UInt8])] {
        var range = range
        if range.start.lexicographicallyPrecedes(walked) { range.start = walked + [0] }
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
            guard flying[KeyBytes(key)] == nil else { return true }
            found.append((key, value))
            size += key.count + value.count
            return true
        }
        walked = isAtEnd ? [] : last
        return found
    }

    // MARK: What is on its way

    /// Returns the flight's number.
    mutating func send(_ hintKey: [UInt8], size: Int, at now: Instant) -> UInt64 {
        let id = flights.insert(Flight(hintKey: hintKey, size: size, sentAt: now))
        flying[KeyBytes(hintKey)] = id
        departures.append((id, now))
        window.sent(size, at: now)
        return id
    }

    /// The replica has the hint as it was sent. Nil if nobody waits for that any more.
    mutating func land(_ id: UInt64, at now: Instant) -> Flight? {
        guard let flight = end(id) else { return nil }
        window.confirmed(flight.size, sentAt: flight.sentAt, now: now)
        return flight
    }

    /// It has not, or that is not known.
    @discardableResult
    mutating func lose(_ id: UInt64) -> Flight? {
        guard let flight = end(id) else { return nil }
        window.lost(flight.size)
        return flight
    }

    private mutating func end(_ id: UInt64) -> Flight? {
        guard let flight = flights.remove(id) else { return nil }
        flying[KeyBytes(flight.hintKey)] = nil
        return flight
    }

    /// Waits no longer for what has left `Limits.hintPatience` ago.
    mutating func giveUpOverdue(at now: Instant) {
        let overdue = departures.prefix { now - $0.at >= Limits.hintPatience || !flights.contains($0.id) }
        for (id, _) in overdue { lose(id) }
        departures.removeFirst(overdue.count)
    }
}
