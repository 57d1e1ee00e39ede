// One item of a list: the stored bytes as a replica gave them, for as long as nothing had to be merged.

import Causality
package import DataTypes
import Wire
import World

package struct ListedItem: Hashable, Sendable {
    /// An object in a page's block.
    private struct Plain: Hashable {
        let block: [UInt8]
        let key: Range<Int>
        let object: Range<Int>
        let view: PlainObject
    }

    private enum Content: Hashable {
        case plain(Plain)
        case merged(key: [UInt8], StoredObject)
    }

    private var content: Content

    init(key: [UInt8], object: StoredObject) { content = .merged(key: key, object) }

    /// Nil if the object is not plain.
    init?(plain index: Int, of items: RangeItems) {
        let (key, object) = (items.key(at: index), items.object(at: index))
        let view = items.block.withUnsafeBytes { PlainObject(UnsafeRawBufferPointer(rebasing: $0[object])) }
        guard let view else { return nil }
        content = .plain(Plain(block: items.block, key: key, object: object, view: view))
    }

    /// As it is stored.
    package var key: [UInt8] {
        switch content {
        case .plain(let plain): Array(plain.block[plain.key])
        case .merged(let key, _): key
        }
    }

    package var object: StoredObject {
        switch content {
        // What is plain can be decoded.
        case .plain(let plain): (try? StoredObject(decoding: Array(plain.block[plain.object]))) ?? StoredObject()
        case .merged(_, let object): object
        }
    }

    /// With the bytes of the key and of the object, if that is plain; else nil.
    package func withPlain<Result>(
        _ body: (_ key: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer, PlainObject) -> Result
    ) -> Result? {
        guard case .plain(let plain) = content else { return nil }
        return plain.block.withUnsafeBytes { block in
            body(
                UnsafeRawBufferPointer(rebasing: block[plain.key]),
                UnsafeRawBufferPointer(rebasing: block[plain.object]), plain.view)
        }
    }

    package var payloadBytes: Int {
        switch content {
        case .plain(let plain): plain.view.value.count
        case .merged(_, let object): object.payloadBytes
        }
    }

    /// About what the item takes in an answer, before its bytes become JSON: its context repeats the version vector.
    package var byteCount: Int {
        switch content {
        case .plain(let plain): plain.key.count + plain.view.value.count + 64 * (plain.view.entryCount + 1)
        case .merged(let key, let object):
            key.count + object.payloadBytes + 64 * (object.versions.entries.count + object.siblings.count)
        }
    }

    /// Drops what is over at `wall`; false if no value is left.
    mutating func stands(at wall: WallTime) -> Bool {
        switch content {
        case .plain(let plain): return plain.view.expiresAt.map { $0 > wall } ?? true
        case .merged(let key, var object):
            guard object.hasExpired(at: wall) else { return object.hasValue }
            object.hideExpired(at: wall)
            content = .merged(key: key, object)
            return object.hasValue
        }
    }
}
