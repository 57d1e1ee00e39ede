// What the requests of one batch have changed so far, on its way into the store: group commit.

import DataTypes
import Keys
import Storage
import World

/// An object in both its forms.
struct Written {
    let bytes: [UInt8]
    let object: StoredObject
    /// How many bytes the store has in its place.
    let over: Int
}

/// The keys a batch has changed so far, before they are in the store: later requests of the batch see them.
struct Batch {
    // An existential, not a generic: the shell is in another module, so a generic batch could not be specialised there.
    let store: FoldedStore
    private(set) var synced = false
    /// What pages may still have.
    var pageRoom = 0
    var expired: [ExpiredObject] = []
    /// One a key, in the order in which the keys were first changed.
    private(set) var changes: [(key: [UInt8], written: Written)] = []
    private var places: [KeyBytes: Int] = [:]
    /// Of typed objects: their bases, each once, and their rows.
    private(set) var typed: [StoreWrite] = []
    private var basePlaces: [KeyBytes: Int] = [:]
    /// The keys of `typed`, each once for each change of it.
    private(set) var changedTyped: [[UInt8]] = []

    /// `size`: how many requests it has.
    init(store: any KeyValueStore, size: Int) {
        self.store = FoldedStore(store)
        changes.reserveCapacity(size)
        places.reserveCapacity(size)
    }

    func change(of key: [UInt8]) -> Written? { places[KeyBytes(key)].map { changes[$0].written } }

    mutating func put(_ key: [UInt8], _ written: Written, synced: Bool) {
        self.synced = self.synced || synced
        let next = changes.count
        func kept(_ place: inout Int) -> Int { place }
        let place = kept(&places[KeyBytes(key), default: next])
        if place < next { changes[place].written = written } else { changes.append((key, written)) }
    }

    // MARK: Typed objects

    /// The first place of a key that it writes is the only one: a store of large values asks for that.
    mutating func replace(_ key: [UInt8], _ base: [UInt8], over: Int, synced: Bool) {
        changedTyped.append(key)
        self.synced = self.synced || synced
        guard let place = basePlaces[KeyBytes(key)] else {
            basePlaces[KeyBytes(key)] = typed.count
            return typed.append(.put(key: key, value: base, over: over))
        }
        guard case .put(_, _, let first) = typed[place] else { return }
        typed[place] = .put(key: key, value: base, over: first)
    }

    mutating func append(row: [UInt8], of key: [UInt8], _ change: [UInt8], synced: Bool) {
        changedTyped.append(key)
        self.synced = self.synced || synced
        typed.append(.put(key: row, value: change))
    }

    mutating func drop(row: [UInt8]) { typed.append(.delete(key: row)) }
}
