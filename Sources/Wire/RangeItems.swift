// The items of a page, one behind the other in one block: a page goes from the disk through two threads to an answer,
// and two arrays for each item would be made, counted and freed on the way.

import World

package struct RangeItems: Hashable, Sendable {
    private struct End: Hashable {
        let key: Int
        let object: Int
    }

    /// Each item's key and object.
    package private(set) var block: [UInt8] = []
    /// Where these end.
    private var ends: [End] = []

    package init() {}

    package init(_ items: some Sequence<RangeItem>) {
        for item in items { append(item) }
    }

    package mutating func append(_ item: RangeItem) {
        item.key.withUnsafeBytes { key in item.object.withUnsafeBytes { append(key: key, object: $0) } }
    }

    package mutating func append(key: UnsafeRawBufferPointer, object: UnsafeRawBufferPointer) {
        block.append(contentsOf: key)
        let end = block.count
        block.append(contentsOf: object)
        ends.append(End(key: end, object: block.count))
    }

    /// For so many items of so many bytes.
    package mutating func reserve(_ count: Int, bytes: Int) {
        ends.reserveCapacity(count)
        block.reserveCapacity(bytes)
    }

    /// Where in the block an item's key stands.
    package func key(at index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1].object)..<ends[index].key }
    package func object(at index: Int) -> Range<Int> { ends[index].key..<ends[index].object }

    /// How the key of an item stands to another page's.
    package func keyPrecedes(_ index: Int, _ other: RangeItems, _ place: Int) -> Bool {
        withKey(at: index) { key in other.withKey(at: place) { key.precedes($0) } }
    }

    package func hasKey(_ index: Int, of other: RangeItems, _ place: Int) -> Bool {
        withKey(at: index) { key in other.withKey(at: place) { key.isEqual($0) } }
    }

    private func withKey<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        block.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[key(at: index)])) }
    }

    /// Whether each key is there once, in this order.
    package func isInOrder(reverse: Bool) -> Bool {
        indices.dropFirst().allSatisfy { reverse ? keyPrecedes($0, self, $0 - 1) : keyPrecedes($0 - 1, self, $0) }
    }

    /// The same items in the same bytes.
    package func isSame(as other: RangeItems) -> Bool { ends == other.ends && block.isEqual(other.block) }
}

extension RangeItems: RandomAccessCollection, ExpressibleByArrayLiteral {
    package init(arrayLiteral items: RangeItem...) { self.init(items) }

    package var startIndex: Int { 0 }
    package var endIndex: Int { ends.count }

    /// A copy.
    package subscript(index: Int) -> RangeItem {
        RangeItem(key: Array(block[key(at: index)]), object: Array(block[object(at: index)]))
    }
}
