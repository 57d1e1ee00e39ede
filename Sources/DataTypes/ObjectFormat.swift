// The bytes of a stored object and of its summary (docs/formats/object.md). The same bytes lie in LevelDB and travel
// between nodes, so a replica that only passes an object on never takes it apart.

package import Causality
package import World

enum ObjectFormat {
    static let object: UInt8 = 1
    static let summary: UInt8 = 2
    /// An object with attempts: such as were voided, or siblings that name theirs.
    static let attempted: UInt8 = 4
    /// A typed part behind siblings that it has not superseded; 3 is a typed part alone (TypedFormat).
    static let mixed: UInt8 = 6
    /// A summary of a key some of whose requests are void.
    static let voidedSummary: UInt8 = 7
    static let tombstoneFlag: UInt8 = 1
    static let expiryFlag: UInt8 = 2
    static let attemptFlag: UInt8 = 4
}

extension StoredObject {
    package func encode() -> [UInt8] {
        if let typed { return encode(typed) }
        var w = ByteWriter(capacity: 64 + versions.entries.count * 32 + payloadBytes + siblings.count * 48)
        let isAttempted = !voided.isEmpty || siblings.contains { $0.attempt != nil }
        w.byte(isAttempted ? ObjectFormat.attempted : ObjectFormat.object)
        w.versions(versions)
        if isAttempted { w.attempts(voided) }
        w.varint(UInt64(siblings.count))
        for sibling in siblings {
            w.dot(sibling.dot, in: versions)
            w.byte(
                (sibling.isTombstone ? ObjectFormat.tombstoneFlag : 0)
                    | (sibling.expiresAt != nil ? ObjectFormat.expiryFlag : 0)
                    | (sibling.attempt != nil ? ObjectFormat.attemptFlag : 0))
            w.varint(sibling.time.bits)
            if let end = sibling.expiresAt { w.varint(end.milliseconds) }
            if let attempt = sibling.attempt { w.fixed64(attempt) }
            if case .value(let bytes) = sibling.payload {
                w.counted(sibling.contentType)
                w.counted(bytes)
            }
        }
        return w.bytes
    }

    /// Throws on anything that `encode` would not have written, up to the order of entries.
    package init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        guard bytes.count <= Limits.objectBytes else { throw .overlong }
        var r = ByteReader(bytes)
        let version = try r.byte()
        switch version {
        case TypedFormat.object:
            try self.init(typed: bytes)
            return
        case ObjectFormat.mixed:
            try self.init(mixed: bytes)
            return
        default: break
        }
        guard version == ObjectFormat.object || version == ObjectFormat.attempted else {
            throw .unknownVersion(version)
        }
        let known =
            ObjectFormat.tombstoneFlag | ObjectFormat.expiryFlag
            | (version == ObjectFormat.attempted ? ObjectFormat.attemptFlag : 0)
        let versions = try r.versions()
        let voided = version == ObjectFormat.attempted ? try r.attempts() : []
        let count = try r.count(atMost: Limits.mergedSiblings)
        var siblings: [Sibling] = []
        siblings.reserveCapacity(count)
        for _ in 0..<count {
            let dot = try r.dot(in: versions)
            let flags = try r.byte()
            guard flags & ~known == 0 else { throw .malformed("unknown flags") }
            let time = HybridTime(bits: try r.varint())
            let expiresAt = flags & ObjectFormat.expiryFlag != 0 ? WallTime(milliseconds: try r.varint()) : nil
            let attempt = flags & ObjectFormat.attemptFlag != 0 ? try r.fixed64() : nil
            if flags & ObjectFormat.tombstoneFlag != 0 {
                siblings.append(
                    Sibling(dot: dot, payload: .tombstone, time: time, expiresAt: expiresAt, attempt: attempt))
            } else {
                let contentType = try r.countedString(atMost: Limits.contentTypeBytes)
                let value = try r.countedSlice(atMost: Limits.objectBytes)
                siblings.append(
                    Sibling(
                        dot: dot, payload: .value(value), contentType: contentType, time: time, expiresAt: expiresAt,
                        attempt: attempt))
            }
        }
        try r.finish()
        // Equal objects have equal bytes: the later version is for what the earlier one can't say.
        guard version == ObjectFormat.object || !voided.isEmpty || siblings.contains(where: { $0.attempt != nil })
        else {
            throw .malformed("no attempts in an object of attempts")
        }
        guard let object = StoredObject(versions: versions, siblings: siblings, voided: voided) else {
            throw .malformed("siblings out of order or unknown to the version vector")
        }
        self = object
    }
}

extension ObjectSummary {
    package func encode() -> [UInt8] {
        var w = ByteWriter(capacity: 64 + versions.entries.count * 32)
        w.byte(voids == 0 ? ObjectFormat.summary : ObjectFormat.voidedSummary)
        w.versions(versions)
        w.varint(UInt64(dots.count))
        for dot in dots { w.dot(dot, in: versions) }
        if voids != 0 { w.fixed64(voids) }
        return w.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var r = ByteReader(bytes)
        let version = try r.byte()
        guard version == ObjectFormat.summary || version == ObjectFormat.voidedSummary else {
            throw .unknownVersion(version)
        }
        let versions = try r.versions()
        let count = try r.count(atMost: Limits.mergedSiblings)
        var dots: [Dot] = []
        for _ in 0..<count { dots.append(try r.dot(in: versions)) }
        let voids = version == ObjectFormat.voidedSummary ? try r.fixed64() : 0
        try r.finish()
        guard version == ObjectFormat.summary || voids != 0 else { throw .malformed("no void requests") }
        self.init(versions: versions, dots: dots, voids: voids)
    }
}

extension ByteWriter {
    package mutating func versions(_ versions: VersionVector) {
        varint(UInt64(versions.entries.count))
        for entry in versions.entries {
            counted(entry.actor.node.name)
            varint(entry.actor.incarnation)
            varint(entry.counter)
        }
    }

    /// A dot as the place of its actor in the vector, and its counter. The vector covers the dot, so the place is
    /// there.
    fileprivate mutating func dot(_ dot: Dot, in versions: VersionVector) {
        varint(UInt64(versions.entries.firstIndex { $0.actor == dot.actor } ?? versions.entries.count))
        varint(dot.counter)
    }
}

extension ByteWriter {
    mutating func attempts(_ attempts: [UInt64]) {
        varint(UInt64(attempts.count))
        for attempt in attempts { fixed64(attempt) }
    }
}

extension ByteReader {
    mutating func attempts() throws(DecodingFailure) -> [UInt64] {
        let count = try count(atMost: Limits.voidedAttempts)
        var attempts: [UInt64] = []
        for _ in 0..<count { attempts.append(try fixed64()) }
        return attempts
    }

    package mutating func versions() throws(DecodingFailure) -> VersionVector {
        let count = try count(atMost: Limits.versionVectorEntries)
        var entries: [Dot] = []
        entries.reserveCapacity(Swift.min(count, 16))
        for _ in 0..<count {
            let node = try nodeID()
            entries.append(Dot(actor: Actor(node: node, incarnation: try varint()), counter: try varint()))
        }
        guard let versions = VersionVector(ascending: entries) else { throw .malformed("version vector out of order") }
        return versions
    }

    fileprivate mutating func dot(in versions: VersionVector) throws(DecodingFailure) -> Dot {
        let place = try varint()
        guard place < UInt64(versions.entries.count) else { throw .malformed("a dot of an unknown actor") }
        let dot = Dot(actor: versions.entries[Int(place)].actor, counter: try varint())
        guard dot.counter > 0, versions.covers(dot) else { throw .malformed("a dot beyond the version vector") }
        return dot
    }
}
