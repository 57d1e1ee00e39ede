// The causal token that a read gives and a write returns (docs/formats/context.md).
//
// It is bound to its key: dots are only unique within a key, so a context carried to another one could supersede a
// write that nobody has seen. A token that was cut, changed or taken from elsewhere is refused.

package import World

package struct CausalContext: Hashable, Sendable {
    package let versions: VersionVector
    /// The latest time among what was seen: the write that returns this context must be later (last-write-wins stays in
    /// step with causality).
    package let latestTime: HybridTime

    package init(versions: VersionVector, latestTime: HybridTime) {
        self.versions = versions
        self.latestTime = latestTime
    }

    package init(of object: StoredObject) { self.init(versions: object.versions, latestTime: object.latestTime) }

    private static let format: UInt8 = 1

    /// The token's bytes; `key` is the stored key of the object.
    package func encode(for key: [UInt8]) -> [UInt8] {
        var w = ByteWriter(capacity: 32 + versions.entries.count * 32)
        w.byte(CausalContext.format)
        w.versions(versions)
        w.varint(latestTime.bits)
        w.fixed64(CausalContext.seal(w.bytes[...], key: key))
        return w.bytes
    }

    package init(decoding bytes: [UInt8], for key: [UInt8]) throws(DecodingFailure) {
        guard bytes.count <= Limits.contextBytes else { throw .overlong }
        guard bytes.count > 8 else { throw .truncated }
        var r = ByteReader(bytes)
        let version = try r.byte()
        guard version == CausalContext.format else { throw .unknownVersion(version) }
        let versions = try r.versions()
        let time = HybridTime(bits: try r.varint())
        guard r.remaining == 8, try r.fixed64() == CausalContext.seal(bytes.dropLast(8), key: key) else {
            throw .malformed("this context was not given for this key")
        }
        self.init(versions: versions, latestTime: time)
    }

    /// FNV-1a over the token and the key: against accidents, not against forgery (whoever may write a key may overwrite
    /// it anyway).
    private static func seal(_ token: ArraySlice<UInt8>, key: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ b: UInt8) { hash = (hash ^ UInt64(b)) &* 0x100_0000_01B3 }
        for b in token { add(b) }
        for b in key { add(b) }
        return hash
    }
}
