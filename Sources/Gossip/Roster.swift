// Everybody this node knows of, sorted by id, itself included.

import World

struct Roster: Sendable {
    /// The members' ids in a column of their own: lookups read nothing else.
    private(set) var ids: [NodeID] = []
    private var rows: [Member] = []

    var count: Int { ids.count }
    var indices: Range<Int> { ids.indices }

    subscript(i: Int) -> Member {
        _read { yield rows[i] }
        _modify { yield &rows[i] }
    }

    func index(of id: NodeID) -> Int? {
        let i = place(of: id)
        return i < ids.count && ids[i] == id ? i : nil
    }

    /// The place of the first member that is not below `id`, looked for from `start` on.
    func place(of id: NodeID, from start: Int = 0) -> Int {
        // Walking two lists that name mostly the same nodes, the guess is right.
        if start < ids.count, ids[start] == id { return start }
        return ids.firstPlace(from: start) { $0 < id }
    }

    /// False if somebody of that id is there already.
    mutating func insert(_ member: Member) -> Bool {
        let i = place(of: member.id)
        guard i == ids.count || ids[i] != member.id else { return false }
        ids.insert(member.id, at: i)
        rows.insert(member, at: i)
        return true
    }

    mutating func keepOnly(_ isWanted: (NodeID) -> Bool) {
        rows.removeAll { !isWanted($0.id) }
        ids.removeAll { !isWanted($0) }
    }
}
