// What of a key more than half of its primaries are known to have: what those are shown who ask for that (`?r=quorum`).
//
// The newest state that is known here may be at one primary alone; by the time that others have told of it there may be
// a newer one. So one state is held at hand until enough have told of what covers it, and the newest takes its place
// then: of a key that never rests something is shown after each round of replication.

import Causality
import Quorums
import World

struct QuorumView: Sendable {
    /// How many primaries are enough.
    private var needed: Int
    /// By the place of a primary: what it has told of, together.
    private var told: [VersionVector]
    /// What enough have had. It loses no entry.
    private(set) var confirmed = VersionVector()
    /// Of `confirmed`; nil until there is something, or if it was dropped for want of room.
    private(set) var standing: LiveContent?
    /// What waits to be confirmed.
    private var next: LiveContent?

    /// - Parameter told: by the place of a primary, what it is known to have.
    init(told: [VersionVector]) {
        self.told = told
        needed = QuorumSize.majority(of: told.count)
    }

    var sizeBytes: Int { (standing?.sizeBytes ?? 0) + (next?.sizeBytes ?? 0) }

    mutating func tell(_ versions: VersionVector, by place: Int) {
        if told.indices.contains(place) { told[place].merge(versions) }
    }

    /// A primary may have lost what it has told of.
    mutating func forget(_ place: Int) {
        if told.indices.contains(place) { told[place] = VersionVector() }
    }

    /// The key has other primaries: of each where it stood, if it was one.
    mutating func move(from places: [Int?]) {
        told = places.map { $0.flatMap { told.indices.contains($0) ? told[$0] : nil } ?? VersionVector() }
        needed = QuorumSize.majority(of: told.count)
    }

    /// Whether enough have told of what covers these.
    func isHeld(_ versions: VersionVector) -> Bool { told.count { $0.covers(versions) } >= needed }

    /// Whether contents that are not at hand are worth asking for.
    func wants(_ known: VersionVector) -> Bool { standing == nil && (!confirmed.isEmpty || isHeld(known)) }

    /// What was told of is nowhere any more: it is found out anew what is.
    mutating func acceptLoss() { self = QuorumView(told: told.map { _ in VersionVector() }) }

    mutating func dropContents() { (standing, next) = (nil, nil) }

    /// - Parameter whole: the newest that is `known`, if it is at hand.
    /// - Returns: whether there is something to show that was not.
    mutating func advance(_ whole: LiveContent?, known: VersionVector) -> Bool {
        if let whole, isHeld(whole.versions) {
            (standing, next) = (whole, nil)
        } else if let waiting = next, isHeld(waiting.versions) {
            (standing, next) = (waiting, whole)
        } else if next == nil {
            next = whole
        }
        // What was dropped meanwhile is asked for by who looks for it.
        if whole == nil, next == nil, isHeld(known), !confirmed.covers(known) {
            standing = nil
            return true
        }
        guard let standing, !confirmed.covers(standing.versions) else { return false }
        confirmed.merge(standing.versions)
        return true
    }
}
