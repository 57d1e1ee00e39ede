// What the parts of a node hand each other: work for the disks, and its answers.

package import Wire
package import World

/// Who waits for an answer.
package struct ReplyAddress: Hashable, Sendable {
    package enum Asker: Hashable, Sendable {
        /// The loop's own gateway.
        case gateway
        /// A peer, on the loop's connection of this number.
        case peer(connection: Int)
        /// The loop itself, for an operator who asks what this node stores.
        case ownRead
        /// The loop itself, for a request whose keys several shards have.
        case joint
        /// The control part.
        case control
        /// Live reads, of the control part too.
        case live
    }

    /// The loop's number; the control part's is the next after the last loop's.
    package let port: Int
    package let asker: Asker
    package let id: UInt64

    package init(port: Int, asker: Asker, id: UInt64) {
        self.port = port
        self.asker = asker
        self.id = id
    }

    /// An answer to here is dropped.
    package static let nobody = ReplyAddress(port: -1, asker: .control, id: 0)
}

package struct StorageJob: Sendable {
    package let request: ReplicaRequest
    package let address: ReplyAddress
    /// When it came to this node's storage, for the mean response time.
    let cameAt: Instant
    /// From then on nobody waits for its answer; nil: somebody does, however late it is.
    package let until: Instant?

    init(request: ReplicaRequest, address: ReplyAddress, cameAt: Instant, until: Instant? = nil) {
        self.request = request
        self.address = address
        self.cameAt = cameAt
        self.until = until
    }

    /// Nobody waits for it, and what somebody waits for stands before it.
    package var isRepair: Bool { request.isRepair }

    func isLate(at now: Instant) -> Bool { until.map { $0 <= now } ?? false }

    /// The answer of a full mailbox.
    package var refusal: StorageAnswer {
        let reply = ReplicaReply.refused(Refusal(.busy, "too many requests wait for this storage thread"))
        let envelope = ReplyEnvelope(
            id: address.id, inFlight: UInt32(Limits.mailboxRequests), serviceMicroseconds: 0, reply: reply)
        return StorageAnswer(address: address, envelope: envelope)
    }
}

extension StorageJob: QueuedWork {
    package var byteCount: Int { request.byteCount }
    package var isDeferrable: Bool { isRepair }
}

extension [StorageJob] {
    /// Takes out those for whose answers nobody waits any more. They are refused, and not passed over in silence: an
    /// asker remembers what it has sent until it is answered.
    mutating func takeLate(at now: Instant) -> [StorageJob] {
        let late = filter { $0.isLate(at: now) }
        if !late.isEmpty { removeAll { $0.isLate(at: now) } }
        return late
    }
}

package struct StorageAnswer: Sendable {
    package let address: ReplyAddress
    package let envelope: ReplyEnvelope
    /// For the cache of hot objects: the key that was read, and where its stripe stood before it was.
    package var read: (key: [UInt8], stripe: UInt64)?
    /// False for a write that this node's own gateway may send on while it is being committed: no answer, only the
    /// news of one.
    var isCommitted = true

    init(
        address: ReplyAddress, envelope: ReplyEnvelope, read: (key: [UInt8], stripe: UInt64)? = nil,
        isCommitted: Bool = true
    ) {
        self.address = address
        self.envelope = envelope
        self.read = read
        self.isCommitted = isCommitted
    }
}
