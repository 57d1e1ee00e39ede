// One node's disk: what is synced survives a crash, what is not may be lost; and it can be wiped, damaged or rolled
// back.

import NameStore

/// A store of an acceptor and its frontier copies, as a value.
package struct SimulatedStore: NameRecords, Sendable {
    private var durable: [[UInt8]: [UInt8]] = [:]
    /// Written but not synced, in order.
    private var unsynced: [(key: [UInt8], value: [UInt8])] = []
    private var view: [[UInt8]: [UInt8]] = [:]
    private var order: [[UInt8]] = []
    package private(set) var frontiers: [[UInt8]?] = [nil, nil]

    package init() {}

    // MARK: What the acceptor reads

    package func record(of key: [UInt8]) -> [UInt8]? { view[key] }

    package func keys(from: [UInt8], upTo: [UInt8], limit: Int) -> [[UInt8]] {
        let first = order.partitioningIndex { !$0.lexicographicallyPrecedes(from) }
        return Array(order[first...].prefix { $0.lexicographicallyPrecedes(upTo) }.prefix(limit))
    }

    package var hasRecords: Bool { view.keys.contains { $0 != StoreLayout.header } }

    // MARK: What the shell does

    package mutating func write(_ writes: [(key: [UInt8], value: [UInt8])]) {
        for (key, value) in writes {
            if view.updateValue(value, forKey: key) == nil {
                order.insert(key, at: order.partitioningIndex { !$0.lexicographicallyPrecedes(key) })
            }
            unsynced.append((key, value))
        }
    }

    package mutating func sync() {
        for (key, value) in unsynced { durable[key] = value }
        unsynced = []
    }

    package mutating func writeFrontier(_ copy: Int, _ bytes: [UInt8]) { frontiers[copy] = bytes }

    // MARK: What goes wrong

    package mutating func crash() {
        unsynced = []
        view = durable
        order = view.keys.sorted { $0.lexicographicallyPrecedes($1) }
    }

    package mutating func wipe() { self = SimulatedStore() }

    /// Changes what is stored, behind the acceptor's back.
    package mutating func edit(_ change: (_ key: [UInt8], _ value: [UInt8]) -> [UInt8]?) {
        for key in order {
            guard let value = durable[key] else { continue }
            durable[key] = change(key, value)
        }
        crash()
    }

    package mutating func editFrontiers(_ change: ([UInt8]) -> [UInt8]?) {
        frontiers = frontiers.map { $0.flatMap(change) }
    }

    package var recordKeys: [[UInt8]] { order.filter { $0 != StoreLayout.header } }
}

extension Array {
    /// The first index whose element satisfies `predicate`, in an array where all after the first do.
    fileprivate func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
