// What requests were called, so that one that is tried again counts once (docs/TYPES.md, retries).
//
// A writer numbers its requests of a key, one at a time. The last of each writer is remembered, and a note is kept of
// each that was tried again, with the dots that it took effect as. Where one took effect twice, by replicas that did
// not know of each other, the lesser dot stays and the other is void.

import Causality
import World

/// What a request added to a counter: taken off again if it is void.
struct CountedAmount: Hashable, Sendable {
    var path: ObjectPath
    let amounts: CounterEntry.Amounts
    /// Of its own dot in the request's run: a removal may have cancelled this and not what came after it.
    let counter: UInt64
}

/// The dots of a request that took effect.
struct Effect: Hashable, Sendable {
    /// The last of the run.
    var last: ElementID
    let count: Int
    var amounts: [CountedAmount]
    let time: HybridTime
    /// Of one that is void: the last dot of the one that stays. Who has not seen that saw this one alive.
    var stays = ElementID.none

    var ids: IDRange { IDRange(first: last.advanced(by: 1 - count), count: count) }

    func moved(_ to: Relocation) -> Effect {
        var moved = self
        moved.last = last.moved(to)
        moved.stays = stays.moved(to)
        for place in amounts.indices { moved.amounts[place].path = amounts[place].path.moved(to) }
        return moved
    }
}

/// A request by its name, and what became of it.
struct NamedEffect: Hashable, Sendable {
    let writer: Writer
    let number: UInt64
    var effect: Effect

    func moved(_ to: Relocation) -> NamedEffect {
        NamedEffect(writer: writer, number: number, effect: effect.moved(to))
    }

    /// Of more than there is room for, what is older goes.
    static func isOlder(_ a: NamedEffect, _ b: NamedEffect) -> Bool {
        (a.effect.time, a.effect.last) < (b.effect.time, b.effect.last)
    }
}

struct Ledger: Hashable, Sendable {
    /// Ascending by writer: the last request of each.
    private(set) var writers: [NamedEffect] = []
    /// Ascending by writer and number: those tried again.
    private(set) var notes: [NamedEffect] = []
    /// Ascending by dot.
    private(set) var voids: [Effect] = []

    init() {}

    /// Nil if something is out of order.
    init?(writers: [NamedEffect], notes: [NamedEffect], voids: [Effect]) {
        let isSorted =
            zip(writers, writers.dropFirst()).allSatisfy { $0.writer < $1.writer }
            && zip(notes, notes.dropFirst()).allSatisfy { ($0.writer, $0.number) < ($1.writer, $1.number) }
            && zip(voids, voids.dropFirst()).allSatisfy { $0.last < $1.ids.first }
        guard isSorted else { return nil }
        (self.writers, self.notes, self.voids) = (writers, notes, voids)
    }

    var isEmpty: Bool { writers.isEmpty && notes.isEmpty && voids.isEmpty }

    func lastRequest(of writer: Writer) -> NamedEffect? {
        let place = writers.firstPlace { $0.writer < writer }
        return place < writers.count && writers[place].writer == writer ? writers[place] : nil
    }

    func note(of writer: Writer, _ number: UInt64) -> NamedEffect? {
        let place = notePlace(writer, number)
        return place < notes.count && (notes[place].writer, notes[place].number) == (writer, number)
            ? notes[place] : nil
    }

    private func notePlace(_ writer: Writer, _ number: UInt64) -> Int {
        notes.firstPlace { ($0.writer, $0.number) < (writer, number) }
    }

    /// Whether a request that is not known may have been dropped lately.
    func mayHaveForgotten(since time: HybridTime) -> Bool {
        [writers, notes].contains { entries in
            entries.count >= Limits.ledgerEntries
                && (entries.min(by: NamedEffect.isOlder).map { $0.effect.time > time } ?? false)
        }
    }

    /// Whether any of these is void.
    func hasVoid(in range: IDRange) -> Bool {
        let place = voids.firstPlace { $0.last < range.first }
        return place < voids.count && voids[place].ids.first <= range.last
    }

    // MARK: Taking in

    /// A request that took effect here or elsewhere. Gives what is void from now on.
    mutating func record(_ named: NamedEffect, isAgain: Bool, _ mutant: TypedMutant?) -> [Effect] {
        let void = meet(named, mutant)
        settleVoids()
        if isAgain, mutant != .noNote { insertNote(named) }
        insertWriter(named)
        cut(mutant, at: named.effect.time)
        return void
    }

    /// What another replica remembers.
    mutating func merge(_ other: Ledger, _ mutant: TypedMutant?) -> [Effect] {
        var void: [Effect] = []
        for effect in other.voids where insertVoid(effect) { void.append(effect) }
        // Notes first: a writer's newer request takes the place of one that a note may concern.
        for named in other.notes + other.writers { void += meet(named, mutant) }
        settleVoids()
        for named in other.notes { insertNote(named) }
        for named in other.writers { insertWriter(named) }
        cut(mutant, at: other.writers.map(\.effect.time).max() ?? HybridTime(bits: 0))
        return void
    }

    /// Where two effects of one name meet, the one with the lesser dot stays, in every place.
    private mutating func meet(_ named: NamedEffect, _ mutant: TypedMutant?) -> [Effect] {
        var effects = [named.effect]
        if let known = lastRequest(of: named.writer), known.number == named.number { effects.append(known.effect) }
        if let known = note(of: named.writer, named.number) { effects.append(known.effect) }
        guard let least = effects.min(by: { $0.last < $1.last }) else { return [] }
        var void: [Effect] = []
        for var effect in effects where effect.last != least.last && mutant != .noVoid {
            effect.stays = least.last
            if insertVoid(effect) { void.append(effect) }
        }
        let place = writers.firstPlace { $0.writer < named.writer }
        if place < writers.count, writers[place].writer == named.writer, writers[place].number == named.number {
            writers[place].effect = least
        }
        if note(of: named.writer, named.number) != nil { notes[notePlace(named.writer, named.number)].effect = least }
        return void
    }

    private mutating func insertVoid(_ effect: Effect) -> Bool {
        let place = voids.firstPlace { $0.last < effect.last }
        if place < voids.count, voids[place].last == effect.last {
            voids[place].stays = min(voids[place].stays, effect.stays)
            return false
        }
        voids.insert(effect, at: place)
        return true
    }

    /// What stays may have become void itself, by a lesser one: so all replicas name the least.
    private mutating func settleVoids() {
        for place in voids.indices {
            let stays = voids[place].stays
            let other = voids.firstPlace { $0.last < stays }
            if other < place, voids[other].last == stays { voids[place].stays = voids[other].stays }
        }
    }

    /// Unless there is one, which `meet` has set.
    private mutating func insertNote(_ named: NamedEffect) {
        guard note(of: named.writer, named.number) == nil else { return }
        var named = named
        if let known = lastRequest(of: named.writer), known.number == named.number { named.effect = known.effect }
        notes.insert(named, at: notePlace(named.writer, named.number))
    }

    private mutating func insertWriter(_ named: NamedEffect) {
        let place = writers.firstPlace { $0.writer < named.writer }
        guard place < writers.count, writers[place].writer == named.writer else {
            var named = named
            if let known = note(of: named.writer, named.number) { named.effect = known.effect }
            return writers.insert(named, at: place)
        }
        guard writers[place].number < named.number else { return }
        writers[place] = named
        if let known = note(of: named.writer, named.number) { writers[place].effect = known.effect }
    }

    /// The newest stay, by their own times: every replica drops the same, whenever it does.
    private mutating func cut(_ mutant: TypedMutant?, at time: HybridTime) {
        if mutant == .ledgerCutByWallClock {
            let oldest = TypedMutant.shortMemory(at: time)
            writers.removeAll { $0.effect.time < oldest }
            notes.removeAll { $0.effect.time < oldest }
        }
        Ledger.cut(&writers)
        Ledger.cut(&notes)
    }

    private static func cut(_ entries: inout [NamedEffect]) {
        guard entries.count > Limits.ledgerEntries else { return }
        let kept = entries.sorted { NamedEffect.isOlder($1, $0) }.prefix(Limits.ledgerEntries)
        guard let oldest = kept.last else { return }
        entries.removeAll { NamedEffect.isOlder($0, oldest) }
    }

    mutating func move(_ to: Relocation) {
        writers = writers.map { $0.moved(to) }
        notes = notes.map { $0.moved(to) }
        voids = voids.map { $0.moved(to) }
    }
}
