// One owner's keys, as somebody holds them: a list of last changes, sorted by version.
//
// Sorted by version and not by key, because what gossip asks most is "all that is newer than v": a suffix of the list.
// A state of version t holds, for every key whose last change has a version <= t, that very change, except that marks
// of deletions up to `floor` are left out. Not guaranteed: keys changed after t may be absent or old.

import World

struct GossipState: Hashable, Sendable {
    /// 0: nothing is known.
    var generation: UInt64 = 0
    var version: UInt64 = 0
    /// While `floor > version` the state is being filled and must not be shown nor passed on.
    private(set) var floor: UInt64 = 0
    /// The entries in three columns, all in the order of versions: searches read one column only.
    private(set) var versions: [UInt64] = []
    private(set) var keys: [String] = []
    private(set) var values: [[UInt8]?] = []

    init() {}

    init(generation: UInt64, floor: UInt64) {
        self.generation = generation
        self.floor = floor
    }

    var count: Int { versions.count }

    func entry(at i: Int) -> Entry { Entry(version: versions[i], key: keys[i], value: values[i]) }

    /// Nil for an absent and for a deleted key.
    func value(_ key: String) -> [UInt8]? {
        guard let i = position(of: key) else { return nil }
        return values[i]
    }

    /// Looked for from the newest on: a key that changes often is found soon.
    func position(of key: String) -> Int? {
        var i = keys.count - 1
        while i >= 0 {
            if keys[i] == key { return i }
            i -= 1
        }
        return nil
    }

    /// The place of the first entry with a version above `version`.
    func firstIndex(after version: UInt64) -> Int {
        versions.firstPlace { $0 <= version }
    }

    /// Puts a change in place of the key's former one, whose value it returns. Its version must be above all others'.
    @discardableResult
    mutating func append(_ entry: Entry) -> [UInt8]? {
        var former: [UInt8]?
        if let i = position(of: entry.key) { former = remove(at: i) }
        version = max(version, entry.version)
        // A deletion whose mark the floor has already passed leaves nothing behind.
        guard entry.value != nil || entry.version > floor else { return former }
        versions.append(entry.version)
        keys.append(entry.key)
        values.append(entry.value)
        return former
    }

    /// Forgets the marks of deletions up to `newFloor`. From now on whoever knows less than `newFloor` needs a refill.
    mutating func raiseFloor(to newFloor: UInt64) {
        guard newFloor > floor else { return }
        floor = newFloor
        for i in (0..<firstIndex(after: newFloor)).reversed() where values[i] == nil { remove(at: i) }
    }

    @discardableResult
    private mutating func remove(at i: Int) -> [UInt8]? {
        versions.remove(at: i)
        keys.remove(at: i)
        return values.remove(at: i)
    }
}
