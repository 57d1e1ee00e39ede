// What a gateway knows of one key that somebody watches.

import Causality
import World

struct LiveKey: Sendable {
    let key: [UInt8]
    /// Of the hub's watches, those that it is in.
    var watches: [UInt32] = []
    /// Invariant: it loses no entry, so that nothing that is sent is older than what was; but for what all primaries
    /// have lost.
    private(set) var known = VersionVector()
    /// May have been dropped, or have less than `known` after a merge with what was; then it is read again.
    private(set) var content: LiveContent?
    /// For each primary, by its place among the watch's primaries, a bit: it has told of a vector that covers `known`.
    private(set) var holders: UInt64 = 0
    /// When the next of its values ends, and when one last did: of its contents as they last were at hand.
    private(set) var nextEnd: WallTime?
    private(set) var lastEnd: WallTime?
    /// As it is told without ids, and with them, while nothing in it has a time to end.
    private var told = (plain: ToldKey(), withIDs: ToldKey())
    /// When the newest write of a document was made that is known.
    private var written: HybridTime?
    /// The same, where that is what its next event is about: not of a sweep, nor when its time ends.
    private(set) var changedAt: HybridTime?
    /// When its contents were last asked for, and how often since they were there.
    var askedAt: Instant?
    var tries = 0
    /// For each primary a bit: it has sent what it has since `known` rose, and it was not all.
    private(set) var lacking: UInt64 = 0
    /// Once somebody asks for what a quorum has.
    var quorum: QuorumView?
    /// Something is known that no quorum has.
    var isWithheld = false
    /// Of its entry in the queue of contents to drop.
    var stamp: UInt64 = 0

    init(_ key: [UInt8]) { self.key = key }

    /// Contents that are not older than anything that is known.
    var whole: LiveContent? {
        if known.isEmpty { return LiveContent() }
        return content.flatMap { $0.versions.covers(known) ? $0 : nil }
    }

    var sizeBytes: Int {
        (content?.sizeBytes ?? 0) + told.plain.sizeBytes + told.withIDs.sizeBytes + (quorum?.sizeBytes ?? 0)
    }

    subscript(showsIDs showsIDs: Bool) -> ToldKey {
        get { showsIDs ? told.withIDs : told.plain }
        _modify { if showsIDs { yield &told.withIDs } else { yield &told.plain } }
    }

    private mutating func forgetEvents() {
        told.plain.forgetEvent()
        told.withIDs.forgetEvent()
    }

    /// Of who is shown what a quorum has.
    var wantsContents: Bool { whole == nil && quorum?.wants(known) ?? false }

    func isHeld(by place: Int) -> Bool { holders & 1 << UInt64(place & 63) != 0 }

    /// What a primary has told says nothing of what it has now.
    mutating func forget(_ place: Int) {
        holders &= ~(1 << UInt64(place & 63))
        quorum?.forget(place)
    }

    /// It has other primaries: of each where it stood, if it was one.
    mutating func move(from places: [Int?]) {
        let former = holders
        holders = 0
        for (place, from) in places.enumerated() {
            if let from, former & 1 << UInt64(from & 63) != 0 { holders |= 1 << UInt64(place & 63) }
        }
        quorum?.move(from: places)
    }

    mutating func beginQuorum(primaries count: Int) {
        quorum = QuorumView(told: (0..<count).map { isHeld(by: $0) ? known : VersionVector() })
    }

    mutating func dropContent() {
        lacking = 0
        content = nil
        told = (ToldKey(), ToldKey())
        quorum?.dropContents()
    }

    /// Finds out what has ended by `wall`.
    mutating func noteEnds(at wall: WallTime) {
        if let content = whole {
            let ends = content.ends
            (nextEnd, lastEnd) = (ends.filter { $0 > wall }.min(), ends.filter { $0 <= wall }.max())
        } else if let end = nextEnd, end <= wall {
            (nextEnd, lastEnd) = (nil, end)
        }
    }

    /// What is told next is that its time is over.
    mutating func noteEnd() { changedAt = nil }

    mutating func noteLack(at place: Int) { lacking |= 1 << UInt64(place & 63) }
    func isLacking(at place: Int) -> Bool { lacking & 1 << UInt64(place & 63) != 0 }

    /// Nobody has all that is known: what is there is all there is.
    mutating func acceptLoss() {
        known = content?.versions ?? VersionVector()
        (lacking, holders, askedAt, tries) = (0, 0, nil, 0)
        forgetEvents()
        quorum?.acceptLoss()
    }

    /// A primary has told of `versions`.
    mutating func note(_ versions: VersionVector, from place: Int) {
        quorum?.tell(versions, by: place)
        if versions.covers(known) {
            holders |= 1 << UInt64(place & 63)
        } else {
            holders &= ~(1 << UInt64(place & 63))
        }
    }

    /// Takes in what a replica has sent; true if it is news.
    mutating func learn(_ new: LiveContent, rule: ConflictRule, seams: LiveSeams) -> Bool {
        let versions = new.versions
        if seams.staleOverwrites, versions != known {
            (known, content) = (versions, new)
            forgetEvents()
            return true
        }
        let isNews = !known.covers(versions)
        guard isNews || whole == nil else { return false }
        if versions.covers(known) {
            content = new
        } else if content != nil {
            content?.merge(new, rule: rule)
        } else {
            content = new
        }
        forgetEvents()
        guard isNews else { return false }
        changedAt = new.written.flatMap { made in written.map { made > $0 } ?? true ? made : nil }
        written = changedAt ?? written
        known.merge(versions)
        (holders, lacking) = (0, 0)
        return true
    }
}
