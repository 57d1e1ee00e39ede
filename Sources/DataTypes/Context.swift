// The causal token that a read gives and a write returns (docs/formats/context.md).
//
// It is bound to its key: dots are only unique within a key, so a context carried to another one could supersede a
// write that nobody has seen. A token that was cut, changed or taken from elsewhere is refused.
//
// Beside its version vector it may carry one dot: that of a write whose writer has not seen all that stands beside it.
// A vector cannot say "all up to 7, and 12 as well"; this can (dotted version vectors; Preguiça, Baquero et al., 2010).

package import Causality
package import World

package struct CausalContext: Hashable, Sendable {
    package let versions: VersionVector
    /// The latest time among what was seen: the write that returns this context must be later (last-write-wins stays in
    /// step with causality).
    package let latestTime: HybridTime
    /// One write more that was seen, without any other of its actor.
    package let dot: Dot?
    /// Attempts that what was seen has taken the place of (`StoredObject.voided`).
    package let voided: [UInt64]

    package init(versions: VersionVector, latestTime: HybridTime, dot: Dot? = nil, voided: [UInt64] = []) {
        self.versions = versions
        self.latestTime = latestTime
        self.dot = dot
        self.voided = voided
    }

    package init(of object: StoredObject) {
        self.init(versions: object.versions, latestTime: object.latestTime, voided: object.voided)
    }

    /// What the writer of `object` has seen, who came with `context`: its own write, which is the newest since it was
    /// given a time after all others. Where siblings are left, the object's own context would say that their values
    /// were seen too (decision 0005).
    package static func written(_ object: StoredObject, after context: CausalContext?) -> CausalContext? {
        guard object.siblings.count > 1 else { return CausalContext(of: object) }
        guard let own = object.newest else { return nil }
        return CausalContext(
            versions: context?.versions ?? VersionVector(), latestTime: own.time, dot: own.dot, voided: object.voided)
    }

    enum Format {
        /// Each entry with its node's name.
        static let plain: UInt8 = 1
        /// A node's name once for all its lives, the dot, and the voided attempts.
        static let grouped: UInt8 = 2
    }

    /// The token's bytes; `key` is the stored key of the object.
    package func encode(for key: [UInt8]) -> [UInt8] {
        var w = ByteWriter(capacity: 48 + versions.entries.count * 24)
        w.byte(Format.grouped)
        w.lives(versions)
        w.varint(latestTime.bits)
        w.varint(dot == nil ? 0 : 1)
        if let dot {
            w.counted(dot.actor.node.name)
            w.varint(dot.actor.incarnation)
            w.varint(dot.counter)
        }
        w.attempts(voided)
        w.fixed64(CausalContext.seal(w.bytes[...], key: key))
        return w.bytes
    }

    package init(decoding bytes: [UInt8], for key: [UInt8]) throws(DecodingFailure) {
        guard bytes.count <= Limits.contextBytes else { throw .overlong }
        guard bytes.count > 8 else { throw .truncated }
        var r = ByteReader(bytes)
        let version = try r.byte()
        switch version {
        case Format.plain:
            self.init(versions: try r.versions(), latestTime: HybridTime(bits: try r.varint()))
        case Format.grouped:
            let versions = try r.lives()
            let time = HybridTime(bits: try r.varint())
            let dot = try r.count(atMost: 1) == 1 ? try r.namedDot() : nil
            self.init(versions: versions, latestTime: time, dot: dot, voided: try r.attempts())
        default: throw .unknownVersion(version)
        }
        guard r.remaining == 8, try r.fixed64() == CausalContext.seal(bytes.dropLast(8), key: key) else {
            throw .malformed("this context was not given for this key")
        }
    }

    /// Over the token and the key: against accidents, not against forgery (whoever may write a key may overwrite it
    /// anyway).
    private static func seal(_ token: ArraySlice<UInt8>, key: [UInt8]) -> UInt64 {
        var hash = StableHash()
        hash.add(token)
        hash.add(key)
        return hash.value
    }
}

extension ByteWriter {
    /// A version vector with each node's name once: a node that was restarted often has many entries, and the token
    /// travels in a header.
    fileprivate mutating func lives(_ versions: VersionVector) {
        let entries = versions.entries
        func isFirst(_ place: Int) -> Bool {
            place == 0 || entries[place - 1].actor.node != entries[place].actor.node
        }
        varint(UInt64(entries.indices.count(where: isFirst)))
        for place in entries.indices {
            if isFirst(place) {
                let next = entries[(place + 1)...].indices.first(where: isFirst) ?? entries.endIndex
                counted(entries[place].actor.node.name)
                varint(UInt64(next - place))
            }
            varint(entries[place].actor.incarnation)
            varint(entries[place].counter)
        }
    }
}

extension ByteReader {
    fileprivate mutating func lives() throws(DecodingFailure) -> VersionVector {
        var entries: [Dot] = []
        for _ in 0..<(try count(atMost: Limits.versionVectorEntries)) {
            let node = try nodeID()
            for _ in 0..<(try count(atMost: Limits.versionVectorEntries - entries.count)) {
                entries.append(Dot(actor: Actor(node: node, incarnation: try varint()), counter: try varint()))
            }
        }
        guard let versions = VersionVector(ascending: entries) else { throw .malformed("version vector out of order") }
        return versions
    }

    fileprivate mutating func namedDot() throws(DecodingFailure) -> Dot {
        let dot = Dot(actor: Actor(node: try nodeID(), incarnation: try varint()), counter: try varint())
        guard dot.counter > 0 else { throw .malformed("a dot without a counter") }
        return dot
    }
}
