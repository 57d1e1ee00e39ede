// When a typed object's time is over (docs/TYPES.md).
//
// Each write says it for the whole object, and the newest write counts: so it follows from the writes that are known,
// and replicas that know the same say the same. That the time has come changes nothing here. Readers are shown nothing
// then, and the next write removes all that its replica holds before it begins, as any removal does: by dots. So clocks
// that differ part no replicas.

package import Causality
package import World

struct Expiry: Hashable, Sendable {
    /// Of the write that said it.
    let time: HybridTime
    /// Nil: never.
    let end: WallTime?

    /// Of two writes of one instant, the one that keeps longer.
    func isNewer(than other: Expiry) -> Bool {
        time == other.time
            ? end.map(\.milliseconds) ?? .max > other.end.map(\.milliseconds) ?? .max : time > other.time
    }
}

extension TypedObject {
    /// Whether something stands here whose time is over.
    func isExpired(at wall: WallTime) -> Bool {
        guard let end = expiry?.end, end <= wall else { return false }
        return root.isShown
    }

    /// When what stands here ends, if it does.
    package var expiresAt: WallTime? { isDeleted ? nil : expiry?.end }

    /// What another write has said.
    mutating func take(_ other: Expiry?) {
        guard let other, expiry.map(other.isNewer) ?? true else { return }
        expiry = other
    }

    /// As it is shown once its time is over. Not to be kept: what is not here for no reason that others know of would
    /// be taken for removed.
    mutating func hide() { root = RecordNode() }
}

extension StoredObject {
    /// Whether anything stands here whose time is over.
    package func hasExpired(at wall: WallTime) -> Bool { hasExpiredValues(at: wall) || isTypedExpired(at: wall) }

    /// When what stands here ends, or has ended.
    package var ends: [WallTime] { siblings.compactMap(\.expiresAt) + [typed?.object.expiresAt].compactMap { $0 } }

    package func isTypedExpired(at wall: WallTime) -> Bool { typed?.object.isExpired(at: wall) ?? false }

    /// As a reader sees it at `wall`; not to be stored.
    package mutating func hideExpired(at wall: WallTime) {
        expire(at: wall)
        if isTypedExpired(at: wall) { typed?.object.hide() }
    }

    /// What an operation finds here.
    func shown(at wall: WallTime) -> TypedObject {
        guard var object = typed?.object else { return TypedObject() }
        if object.isExpired(at: wall) { object.hide() }
        return object
    }

    /// When the newest write came: what is minted here is to be newer.
    package var typedTime: HybridTime { typed?.object.expiry?.time ?? HybridTime(bits: 0) }

    /// Removes the records of a typed object whose time is over, as a write that comes then would. Nil if there is
    /// nothing to do, or nothing that can be done.
    package mutating func collect(as bucket: TypedBucket, _ run: MintingRun) -> TypedDelta? {
        guard isTypedExpired(at: run.wall), values.isEmpty else { return nil }
        var request = TypedRequest([])
        request.collects = true
        let outcome = try? operate(request, as: bucket, supersedes: false, run)
        guard case .minted(let delta, _) = outcome else { return nil }
        return delta
    }
}

// MARK: Bytes

extension ByteWriter {
    mutating func expiry(_ expiry: Expiry?) {
        end(of: expiry)
        if let expiry { varint(expiry.time.bits) }
    }

    /// u8 0 where no write says anything, 1 never, 2 and the end.
    mutating func end(of expiry: Expiry?) {
        guard let expiry else { return byte(0) }
        byte(expiry.end == nil ? 1 : 2)
        if let end = expiry.end { varint(end.milliseconds) }
    }
}

extension ByteReader {
    mutating func expiry() throws(DecodingFailure) -> Expiry? {
        guard let said = try end(saidAt: HybridTime(bits: 0)) else { return nil }
        return Expiry(time: HybridTime(bits: try varint()), end: said.end)
    }

    mutating func end(saidAt time: HybridTime) throws(DecodingFailure) -> Expiry? {
        switch try byte() {
        case 0: return nil
        case 1: return Expiry(time: time, end: nil)
        case 2: return Expiry(time: time, end: WallTime(milliseconds: try varint()))
        default: throw .malformed("an unknown form of expiry")
        }
    }
}
