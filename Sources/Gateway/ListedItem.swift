// One item of a list: the stored bytes as a replica gave them, for as long as nothing had to be merged.

package import Causality
import World

package struct ListedItem: Hashable, Sendable {
    private enum Content: Hashable {
        case plain([UInt8], PlainObject)
        case merged(StoredObject)
    }

    /// As it is stored.
    package let key: [UInt8]
    private let content: Content

    init(key: [UInt8], object: StoredObject) {
        self.key = key
        content = .merged(object)
    }

    /// Nil if the object is not plain.
    init?(key: [UInt8], plain bytes: [UInt8]) {
        guard let object = bytes.withUnsafeBytes({ PlainObject($0) }) else { return nil }
        self.key = key
        content = .plain(bytes, object)
    }

    package var object: StoredObject {
        switch content {
        // What is plain can be decoded.
        case .plain(let bytes, _): (try? StoredObject(decoding: bytes)) ?? StoredObject()
        case .merged(let object): object
        }
    }

    /// With the bytes of the key and of the object, if that is plain; else nil.
    package func withPlain<Result>(
        _ body: (_ key: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer, PlainObject) -> Result
    ) -> Result? {
        guard case .plain(let bytes, let object) = content else { return nil }
        return key.withUnsafeBytes { key in bytes.withUnsafeBytes { body(key, $0, object) } }
    }

    package var payloadBytes: Int {
        switch content {
        case .plain(_, let object): object.value.count
        case .merged(let object): object.payloadBytes
        }
    }

    /// About what the item takes in an answer, before its bytes become JSON: its context repeats the version vector.
    var byteCount: Int {
        switch content {
        case .plain(_, let object): key.count + object.value.count + 64 * (object.entryCount + 1)
        case .merged(let object):
            key.count + object.payloadBytes + 64 * (object.versions.entries.count + object.siblings.count)
        }
    }

    /// What is left of it at `wall`; nil if that is no value.
    func standing(at wall: WallTime) -> ListedItem? {
        switch content {
        case .plain(_, let object):
            return object.expiresAt.map { $0 <= wall } ?? false ? nil : self
        case .merged(var object):
            guard object.hasExpired(at: wall) else { return object.hasValue ? self : nil }
            object.expire(at: wall)
            return object.hasValue ? ListedItem(key: key, object: object) : nil
        }
    }
}
