// The contents of a key, as a gateway knows them and merges them from what replicas send.
//
// Opaque values and typed documents are whole each time. What turns a document into the next is found by comparing what
// both show (DocumentHistory).

import DataTypes
import Causality
import World

enum LiveContent: Sendable {
    case opaque(StoredObject)

    /// Of the bytes of a stored object.
    init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        self = .opaque(try StoredObject(decoding: bytes))
    }

    /// Of what no replica has ever seen.
    init() { self = .opaque(StoredObject()) }

    var versions: VersionVector {
        switch self {
        case .opaque(let object): object.versions
        }
    }

    /// When what it has ends, or has ended.
    var ends: [WallTime] {
        switch self {
        case .opaque(let object): object.ends
        }
    }

    /// When the newest write of a document was made.
    var written: HybridTime? {
        switch self {
        case .opaque(let object): object.isTypedAlone ? object.typedTime : nil
        }
    }

    /// About what it takes in memory, without its key.
    var sizeBytes: Int {
        switch self {
        case .opaque(let object): object.memoryBytes + 64 * (object.versions.entries.count + object.siblings.count)
        }
    }

    mutating func merge(_ other: LiveContent, rule: ConflictRule) {
        switch (self, other) {
        case (.opaque(var mine), .opaque(let theirs)):
            mine.merge(theirs, rule: rule)
            self = .opaque(mine)
        }
    }
}

extension LiveState {
    /// Of the head of a stored object: what a guard tells.
    static func versions(ofObject bytes: [UInt8]?) -> VersionVector? {
        guard let bytes else { return VersionVector() }
        var r = ByteReader(bytes)
        // The formats of opaque values begin with their version and their vector (docs/formats/object.md).
        switch try? r.byte() {
        case 1, 4: return try? r.versions()
        default: return (try? StoredObject(decoding: bytes))?.versions
        }
    }
}
