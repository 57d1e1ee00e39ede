// Dots as an object keeps them: the place of the actor among the object's actors, and the counter, in one word.
//
// Actors are sorted, so ids are in the order of their dots. A new actor may stand before others; then all ids of the
// object are moved (`Relocation`), which happens once for each actor of a key.

import Causality
import World

/// A dot within one object or one delta.
struct ElementID: Hashable, Comparable, Sendable {
    let bits: UInt64

    /// No dot: the root of a text, what is not deleted.
    static let none = ElementID(bits: 0)
    /// The deletion of what a void request made.
    static let void = ElementID(bits: .max)

    private init(bits: UInt64) { self.bits = bits }

    /// `counter` is at most `Limits.packedCounter`, `place` below 1,023.
    init(place: Int, counter: UInt64) { bits = UInt64(truncatingIfNeeded: place) << 54 | counter }

    var place: Int { Int(bits >> 54) }
    var counter: UInt64 { bits & Limits.packedCounter }
    var isDot: Bool { self != .none && self != .void }

    /// So many further of the same actor; the caller knows that there are so many.
    func advanced(by count: Int) -> ElementID { ElementID(bits: bits &+ UInt64(bitPattern: Int64(count))) }

    static func < (a: ElementID, b: ElementID) -> Bool { a.bits < b.bits }

    func moved(_ to: Relocation) -> ElementID { isDot ? ElementID(place: to.places[place], counter: counter) : self }
}

/// Neighbouring ids of one actor.
struct IDRange: Hashable, Sendable {
    var first: ElementID
    var count: Int

    var last: ElementID { first.advanced(by: count - 1) }

    func moved(_ to: Relocation) -> IDRange { IDRange(first: first.moved(to), count: count) }

    /// Appends one id, where it can to the last range.
    static func append(_ range: IDRange, to ranges: inout [IDRange]) {
        if let last = ranges.last, last.last.advanced(by: 1) == range.first {
            ranges[ranges.count - 1].count += range.count
        } else {
            ranges.append(range)
        }
    }
}

/// Where the actors of one table stand in another. It keeps their order, so what was sorted stays so.
struct Relocation {
    let places: [Int]

    var changesNothing: Bool { places.indices.allSatisfy { places[$0] == $0 } }
}

/// The actors of an object, sorted, each with the counter up to which its writes are known: the version vector.
struct ActorTable: Hashable, Sendable {
    private(set) var actors: [Actor] = []
    var counters: [UInt64] = []

    init() {}

    /// Those that have a counter.
    var versions: VersionVector {
        var versions = VersionVector()
        for (actor, counter) in zip(actors, counters) where counter > 0 {
            versions.record(Dot(actor: actor, counter: counter))
        }
        return versions
    }

    func place(of actor: Actor) -> Int? {
        let place = actors.firstPlace { $0 < actor }
        return place < actors.count && actors[place] == actor ? place : nil
    }

    func covers(_ id: ElementID) -> Bool { id.place < counters.count && counters[id.place] >= id.counter }

    func dot(_ id: ElementID) -> Dot { Dot(actor: actors[id.place], counter: id.counter) }

    func id(_ dot: Dot) -> ElementID? {
        guard dot.counter <= Limits.packedCounter, dot.counter > 0 else { return nil }
        return place(of: dot.actor).map { ElementID(place: $0, counter: dot.counter) }
    }

    /// Counters of `versions` in the order of this table; what it has of other actors is left out.
    func counters(in versions: VersionVector) -> [UInt64] { actors.map(versions.counter) }

    /// Takes in the actors that are missing, with the counter 0; says where the former ones and the others stand now.
    mutating func admit(_ others: [Actor]) -> (own: Relocation, others: Relocation) {
        let union = ActorTable.union(actors, others)
        var counters = [UInt64](repeating: 0, count: union.count)
        let own = Relocation(places: ActorTable.places(of: actors, in: union))
        for (place, counter) in zip(own.places, self.counters) { counters[place] = counter }
        (actors, self.counters) = (union, counters)
        return (own, Relocation(places: ActorTable.places(of: others, in: union)))
    }

    mutating func append(_ actor: Actor, counter: UInt64) {
        actors.append(actor)
        counters.append(counter)
    }

    private static func union(_ a: [Actor], _ b: [Actor]) -> [Actor] {
        if a == b { return a }
        var union: [Actor] = []
        union.reserveCapacity(a.count + b.count)
        var (i, j) = (0, 0)
        while i < a.count || j < b.count {
            if j == b.count || (i < a.count && a[i] <= b[j]) {
                if j < b.count, a[i] == b[j] { j += 1 }
                union.append(a[i])
                i += 1
            } else {
                union.append(b[j])
                j += 1
            }
        }
        return union
    }

    private static func places(of actors: [Actor], in union: [Actor]) -> [Int] {
        var place = 0
        return actors.map { actor in
            while union[place] != actor { place += 1 }
            defer { place += 1 }
            return place
        }
    }
}
