// A value with partial updates that merge by themselves: a set of records (docs/TYPES.md).
//
// Picture: a record is named by its dot and never changes, but to die. Which dots were seen is the version vector; what
// is seen and not here is dead. Order and values follow from the records, and are computed, never merged. So two
// replicas are joined as siblings are: keep what both have, and what the other side has never heard of (Bieniusa et
// al., "An Optimized Conflict-free Replicated Set", 2012).

package import Causality
import World

package struct TypedObject: Sendable {
    /// The version vector. It covers every dot in here.
    var actors = ActorTable()
    var root = RecordNode()
    /// For each actor: a context that does not reach so far is from before a sweep dropped deletions, or a removal
    /// whole texts and lists; its indexes can't be counted.
    var floor: [UInt64] = []
    var ledger = Ledger()
    /// As the newest write has said; nil where none has.
    var expiry: Expiry?
    /// A planted bug, for tests; not part of the value.
    var mutant: TypedMutant?

    init() {}

    package var versions: VersionVector { actors.versions }

    /// Nothing is left of it but what was seen: 404 with a context.
    package var isDeleted: Bool { !root.isShown }

    /// Nothing was ever written.
    package var isEmpty: Bool { actors.actors.isEmpty }

    /// Enough to tell whether two replicas agree, and which is behind.
    var summary: TypedSummary { TypedSummary(versions: versions, voids: voidsHash) }

    /// Of what is void: two replicas may have seen the same, and yet only one both sides of a request that was tried
    /// twice.
    private var voidsHash: UInt64 {
        guard !ledger.voids.isEmpty else { return 0 }
        var w = ByteWriter()
        for effect in ledger.voids {
            w.id(effect.last)
            w.id(effect.stays)
        }
        return XXHash64.hash(w.bytes)
    }

    // MARK: Joining

    /// Takes in what another replica knows. Commutative, associative and idempotent, but for what a full ledger drops.
    mutating func join(_ other: TypedObject) throws(TypedProblem) {
        var (other, table) = (other, actors)
        let (own, others) = table.admit(other.actors.actors)
        guard table.actors.count <= Limits.versionVectorEntries else { throw .tooManyActors }
        actors = table
        move(own)
        _ = other.actors.admit(actors.actors)
        other.move(others)
        let isCoveredKept = mutant == .coveredRecordKept
        root.join(other.root, JoinSides(a: actors.counters, b: other.actors.counters, mutant: mutant, isCoveredKept))
        for place in actors.counters.indices {
            actors.counters[place] = max(actors.counters[place], other.actors.counters[place])
            floor[place] = max(floor[place], other.floor[place])
        }
        take(other.expiry)
        _ = ledger.merge(other.ledger, mutant)
        // What the one side knew to be void may be alive in what the other brought.
        for effect in ledger.voids { root.void(effect.ids) }
    }

    /// After actors were admitted.
    mutating func move(_ to: Relocation) {
        var moved = [UInt64](repeating: 0, count: actors.actors.count)
        for (place, counter) in floor.enumerated() { moved[to.places[place]] = counter }
        floor = moved
        guard !to.changesNothing else { return }
        root.move(to)
        ledger.move(to)
    }
}

/// What a replica holds, without the records.
struct TypedSummary: Hashable, Sendable {
    let versions: VersionVector
    let voids: UInt64
}
