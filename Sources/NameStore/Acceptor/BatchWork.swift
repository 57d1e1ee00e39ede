// One batch under way: the records it touched, over those on disk.

import World

/// A later request of the batch sees what an earlier one changed; both leave only after the same sync.
struct BatchWork<Records: NameRecords> {
    struct Entry {
        let key: RegisterKey
        var state: RecordState
        /// Something that a reply promises, not a hint.
        var isVote: Bool
    }

    let records: Records
    var result = VoteBatch()
    var headerChanged = false
    /// In the order of first change.
    private(set) var changed: [Entry] = []
    private var indexes: [RegisterKey: Int] = [:]

    init(records: Records) { self.records = records }

    /// Nil if the record can't be read: the fault is noted and nothing may be said about this name.
    mutating func state(of key: RegisterKey) -> RecordState? {
        if let index = indexes[key] { return changed[index].state }
        do {
            guard let bytes = try records.record(of: StoreLayout.record(key)) else { return RecordState() }
            return try RecordFormat.decode(bytes, for: key)
        } catch {
            result.faults.append(RecordFault(key: key, reason: "\(error)"))
            return nil
        }
    }

    mutating func set(_ state: RecordState, of key: RegisterKey, isVote: Bool) {
        if let index = indexes[key] {
            changed[index].state = state
            if isVote { changed[index].isVote = true }
        } else {
            indexes[key] = changed.count
            changed.append(Entry(key: key, state: state, isVote: isVote))
        }
    }

    /// The keys after `after`, of the disk and of this batch. A damaged record is listed like a sound one: its name
    /// must be rescanned from the other acceptors.
    mutating func page(after: RegisterKey?, limit: Int) throws -> (keys: [RegisterKey], isLast: Bool) {
        let from = StoreLayout.following(after)
        let stored = try records.keys(from: from, upTo: StoreLayout.end, limit: limit)
        let isLast = stored.count < limit
        var keys = stored.compactMap(StoreLayout.register)
        // A key that no register has is damage, and a listing with holes is worse than none.
        guard keys.count == stored.count else { throw DecodingFailure.malformed("stored key") }
        let bound = isLast ? nil : keys.last
        for entry in changed where after.map({ $0 < entry.key }) ?? true {
            if bound.map({ entry.key <= $0 }) ?? true, !keys.contains(entry.key) { keys.append(entry.key) }
        }
        keys.sort()
        return keys.count > limit ? (Array(keys.prefix(limit)), false) : (keys, isLast)
    }
}
