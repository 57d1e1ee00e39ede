// What the upper floors ask of a disk: ordered keys, atomic batches, and the truth about failure.

package import Keys
import World

/// One change of a batch.
package enum StoreWrite: Hashable, Sendable {
    /// `over`: how many bytes stand there now. Whoever writes what may be large, or over it, has to say so
    /// (`DividedStore`).
    case put(key: [UInt8], value: [UInt8], over: Int = 0)
    case delete(key: [UInt8])

    package var key: [UInt8] {
        switch self {
        case .put(let key, _, _), .delete(let key): key
        }
    }

    package var byteCount: Int {
        switch self {
        case .put(let key, let value, _): key.count + value.count
        case .delete(let key): key.count
        }
    }
}

/// Why a store could not do what it was asked. After any of these on a write, nothing in memory may be believed: the
/// process stops (docs/OPERATIONS.md).
package struct StorageFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        case corruption
        case inputOutput
        /// The disk has no room left, or its owner's share of it is used up.
        case full
        /// Another process has the store open.
        case locked
        /// A page took longer than a shard may be held. Nothing is wrong.
        case slow
    }

    package let kind: Kind
    package let detail: String

    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    package var description: String { detail }
}

/// An ordered map of byte strings on a disk. One thread writes to one range of keys and gets what is there; any
/// thread may scan.
package protocol KeyValueStore: AnyObject, Sendable {
    func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]?

    /// All of `writes` or none, after which every reader sees them. `synced`: they also outlive a loss of power, with
    /// all that was committed before them.
    func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure)

    /// Visits the range in order (descending if `reverse`) until `visit` returns false: all there is, once, by any
    /// thread. It shows nothing that is not on the disk yet, and leaves the cache to others.
    func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure)

    /// The first items of the range in order (descending if `reverse`): what a client waits for, and others will ask
    /// for again; by the thread that writes the range. If they are more than `most` bytes, it need not have any. A page
    /// that takes longer than `Limits.pageTime` fails as `slow`.
    func page(
        _ range: KeyRange, reverse: Bool, limit: Int, atMost most: Int
    ) throws(StorageFailure) -> StoredPage
}

extension KeyValueStore {
    /// Visits the range by a visitor that may fail, which ends the scan.
    package func scan(
        _ range: KeyRange, reverse: Bool,
        throwing visit: (_ key: [UInt8], _ value: [UInt8]) throws(StorageFailure) -> Bool
    ) throws(StorageFailure) {
        var failure: StorageFailure?
        try scan(range, reverse: reverse) { key, value in
            do throws(StorageFailure) { return try visit(key, value) } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }

    package func page(
        _ range: KeyRange, reverse: Bool, limit: Int, atMost most: Int
    ) throws(StorageFailure) -> StoredPage {
        try scannedPage(range, reverse: reverse, limit: limit, atMost: most)
    }

    /// A page by a scan: by any thread, and however long it takes.
    package func scannedPage(
        _ range: KeyRange, reverse: Bool, limit: Int, atMost most: Int
    ) throws(StorageFailure) -> StoredPage {
        var page = StoredPage(limit: limit, atMost: most)
        try scan(range, reverse: reverse) { page.add($0, $1) }
        return page
    }
}
