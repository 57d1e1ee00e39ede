// What a gateway asks of a replica, and what it hears: plain values, without a trace of how they travel.
//
// Keys here are stored keys (token first; see Keys/StoredKey.swift), objects are encoded `StoredObject`s, summaries
// encoded `ObjectSummary`s, contexts encoded `CausalContext`s: a node that passes them on does not take them apart.

package import World

package enum ReplicaRequest: Hashable, Sendable {
    /// The object under `key`; its summary instead if it is longer than `summaryOver` bytes (0: never).
    case read(key: [UInt8], summaryOver: Int)
    /// Indirect, as it is handed on many times and to copy all its parts would cost more than a block for them.
    indirect case mint(MintRequest)
    /// One value under many keys: asked of the gateway's own node alone, and never sent.
    indirect case insert(InsertRequest)
    /// Merge `object` into what is stored under each of `keys`.
    case mergeEach(keys: [[UInt8]], object: [UInt8])
    /// Merge `object` into what is stored. `repair`: see peer.proto.
    case merge(key: [UInt8], object: [UInt8], repair: Bool)
    /// Keep `object` until `target` can take it.
    case hint(target: NodeID, key: [UInt8], object: [UInt8])
    /// What is kept for `target` under `key`.
    case readHints(target: NodeID, key: [UInt8])
    case range(RangeRequest)
    case compare(CompareRequest)
}

extension ReplicaRequest {
    /// Of repair or a hint: nobody waits for it.
    package var isRepair: Bool {
        switch self {
        case .merge(_, _, let repair): repair
        case .range(let range): range.repair
        case .compare: true
        case .read, .mint, .insert, .mergeEach, .hint, .readHints: false
        }
    }

    /// The memory that its byte strings hold.
    package var byteCount: Int {
        switch self {
        case .read(let key, _), .readHints(_, let key): key.count
        case .mint(let mint): mint.key.count + (mint.value?.count ?? 0) + (mint.context?.count ?? 0)
        // It is stored under each of them.
        case .insert(let insert): insert.keys.reduce(0) { $0 + $1.count + insert.value.count }
        case .mergeEach(let keys, let object): keys.reduce(0) { $0 + $1.count + object.count }
        case .merge(let key, let object, _), .hint(_, let key, let object): key.count + object.count
        case .range(let range): range.start.count + (range.end?.count ?? 0)
        case .compare(let compare): compare.from.count + (compare.until?.count ?? 0)
        }
    }
}

/// Fingerprints of `slices` equal slices of the tokens [first, last], over keys of buckets under `placement`.
///
/// Only stored keys in [from, until) count. The answer may stop earlier (Limits.comparePieceBytes) and says where.
package struct CompareRequest: Hashable, Sendable {
    package var first: UInt64
    package var last: UInt64
    package var slices: Int
    package var placement: String
    /// Empty: from the first key.
    package var from: [UInt8]
    /// Nil: to the end of the token range.
    package var until: [UInt8]?

    package init(
        first: UInt64, last: UInt64, slices: Int, placement: String, from: [UInt8] = [], until: [UInt8]? = nil
    ) {
        self.first = first
        self.last = last
        self.slices = slices
        self.placement = placement
        self.from = from
        self.until = until
    }
}

/// A client's write, for the replica that gives it its dot.
package struct MintRequest: Hashable, Sendable {
    package var key: [UInt8]
    /// Nil deletes.
    package var value: [UInt8]?
    package var contentType: String
    package var context: [UInt8]?
    package var onlyIfAbsent: Bool
    package var expiresAt: WallTime?
    /// Names this attempt, where the gateway may not hear what becomes of it.
    package var attempt: UInt64?
    /// Earlier attempts of which that is so: this one takes their place.
    package var voids: [UInt64] = []
    /// When it was sent, at the latest, by the clock of the node it is sent to (`ReplyEnvelope.clockMs`); nil from that
    /// node itself.
    package var sentAtMs: UInt64?

    package init(
        key: [UInt8], value: [UInt8]?, contentType: String = "", context: [UInt8]? = nil, onlyIfAbsent: Bool = false,
        expiresAt: WallTime? = nil
    ) {
        self.key = key
        self.value = value
        self.contentType = contentType
        self.context = context
        self.onlyIfAbsent = onlyIfAbsent
        self.expiresAt = expiresAt
    }
}

/// One value, to be given one dot and stored under each of `keys`, all of one shard, where nothing stands under any.
package struct InsertRequest: Hashable, Sendable {
    package let keys: [[UInt8]]
    package let value: [UInt8]
    package let contentType: String
    package let expiresAt: WallTime?

    package init(keys: [[UInt8]], value: [UInt8], contentType: String, expiresAt: WallTime?) {
        self.keys = keys
        self.value = value
        self.contentType = contentType
        self.expiresAt = expiresAt
    }
}

/// Stored keys in [start, end), or from `start` on where there is no end, ascending or descending, at most `limit` of
/// them.
package struct RangeRequest: Hashable, Sendable {
    package var start: [UInt8]
    package var end: [UInt8]?
    package var limit: Int
    package var reverse: Bool
    /// Asked by anti-entropy: nobody waits for it.
    package var repair: Bool

    package init(start: [UInt8], end: [UInt8]?, limit: Int, reverse: Bool, repair: Bool = false) {
        self.start = start
        self.end = end
        self.limit = limit
        self.reverse = reverse
        self.repair = repair
    }
}

package enum ReplicaReply: Hashable, Sendable {
    case object([UInt8]?)
    case summary([UInt8])
    case minted(object: [UInt8], wasAbsent: Bool)
    case stored
    /// The same; but what the write does not know of stood there already, and stands beside it or has won over it.
    case storedBeside
    case page(items: RangeItems, more: Bool)
    /// `end`: the first stored key that they do not count any more; nil if they count all of the token range. `bytes`:
    /// about what it takes to make all of it the same elsewhere.
    case fingerprints([UInt64], end: [UInt8]?, bytes: Int = 0)
    case refused(Refusal)

    package func isRefusal(_ code: Refusal.Code) -> Bool {
        if case .refused(let refusal) = self { refusal.code == code } else { false }
    }
}

package struct RangeItem: Hashable, Sendable {
    package let key: [UInt8]
    package let object: [UInt8]

    init(key: [UInt8], object: [UInt8]) {
        self.key = key
        self.object = object
    }
}

/// Why a replica did not do what it was asked. The numbers travel; they are never given another meaning.
package struct Refusal: Error, Hashable, Sendable {
    package enum Code: UInt32, Sendable, CaseIterable {
        case unknown = 0
        /// Its queue is full.
        case busy = 1
        case diskFull = 2
        case tooLarge = 3
        case tooManySiblings = 4
        /// `onlyIfAbsent`, and it is there.
        case exists = 5
        /// The key is not its own under its ring.
        case notReplica = 6
        case malformed = 7
        case hintsFull = 8
        /// The node has stopped taking writes for good.
        case stopped = 9
        /// The key's version vector has no room.
        case vectorFull = 12
        /// It has not seen what the request names: another replica may have.
        case behind = 13
        /// What is asked cannot be done to what stands there; the detail is a `NotApplied` (DataTypes).
        case notApplied = 14
        /// The request has been under way, or has waited here, for so long that nobody waits for its answer any more.
        case late = 15
        /// Another attempt has taken this one's place.
        case voided = 16
        /// It was superseded here before it came, and what superseded it stands beside what neither knew of.
        case superseded = 17

        /// Asked for another key, the replica may well do it; asked for this one again, it would refuse again.
        package var concernsOnlyThisKey: Bool {
            switch self {
            case .tooLarge, .tooManySiblings, .vectorFull, .malformed, .notReplica, .behind, .notApplied: true
            case .unknown, .busy, .diskFull, .exists, .hintsFull, .stopped, .late, .voided, .superseded: false
            }
        }
    }

    package let code: Code
    package let detail: String

    package init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }
}

/// A request on its way, named by its sender so that the answer finds back.
package struct RequestEnvelope: Hashable, Sendable {
    package var id: UInt64
    /// For so long after its sending somebody waits for the answer; 0: it is not known for how long.
    let timeoutMs: UInt32
    package var request: ReplicaRequest

    init(id: UInt64, timeoutMs: UInt32, request: ReplicaRequest) {
        self.id = id
        self.timeoutMs = timeoutMs
        self.request = request
    }

    /// `timeout` is rounded up to whole milliseconds, one at the least.
    package init(id: UInt64, timeout: Span, request: ReplicaRequest) {
        self.init(
            id: id, timeoutMs: UInt32(clamping: max(1, (timeout.nanoseconds + 999_999) / 1_000_000)), request: request)
    }

    /// Until when somebody waits for its answer, if it came at `arrival`, so far as that is known. What it took on its
    /// way is not counted, since clocks are not compared: it is never given up too early.
    package func expiry(from arrival: Instant) -> Instant? {
        timeoutMs == 0 ? nil : arrival + .milliseconds(Int64(timeoutMs))
    }
}

/// Every answer carries the replica's load, for the gateway's score (C3; Suresh et al., NSDI 2015).
package struct ReplyEnvelope: Hashable, Sendable {
    package var id: UInt64
    package var inFlight: UInt32
    package var serviceMicroseconds: UInt32
    /// The replica's monotonic clock, in milliseconds since an origin of its own: what a gateway dates its next mint
    /// by. 0: not told.
    package var clockMs: UInt64
    package var reply: ReplicaReply

    package init(id: UInt64, inFlight: UInt32, serviceMicroseconds: UInt32, clockMs: UInt64 = 0, reply: ReplicaReply) {
        self.id = id
        self.inFlight = inFlight
        self.serviceMicroseconds = serviceMicroseconds
        self.clockMs = clockMs
        self.reply = reply
    }
}

/// Several merges that leave together: of clients' writes, most of what gateways ask of other nodes; or of what repair
/// and hints bring.
package struct MergeRequests: Hashable, Sendable {
    package struct Item: Hashable, Sendable {
        package let id: UInt64
        package let key: [UInt8]
        package let object: [UInt8]

        init(id: UInt64, key: [UInt8], object: [UInt8]) {
            self.id = id
            self.key = key
            self.object = object
        }
    }

    let timeoutMs: UInt32
    let repair: Bool
    package private(set) var items: [Item] = []
    /// Of keys and objects.
    private var byteCount = 0

    /// Of one request; nil if it asks something else.
    init?(_ envelope: RequestEnvelope) {
        guard case .merge(_, _, let repair) = envelope.request else { return nil }
        timeoutMs = envelope.timeoutMs
        self.repair = repair
        guard add(envelope) else { return nil }
    }

    init(timeoutMs: UInt32, repair: Bool = false, items: [Item]) {
        self.timeoutMs = timeoutMs
        self.repair = repair
        self.items = items
        byteCount = items.reduce(0) { $0 + $1.key.count + $1.object.count }
    }

    /// Takes `envelope` in; false if it asks something else, or there is no room.
    package mutating func add(_ envelope: RequestEnvelope) -> Bool {
        guard case .merge(let key, let object, repair) = envelope.request, envelope.timeoutMs == timeoutMs,
            items.count < Limits.batchRequests, items.isEmpty || byteCount + object.count <= Limits.batchBytes
        else { return false }
        items.append(Item(id: envelope.id, key: key, object: object))
        byteCount += key.count + object.count
        return true
    }

    /// The requests one by one.
    package var envelopes: some Sequence<RequestEnvelope> {
        items.lazy.map { [timeoutMs, repair] in
            RequestEnvelope(
                id: $0.id, timeoutMs: timeoutMs, request: .merge(key: $0.key, object: $0.object, repair: repair))
        }
    }
}

/// Several answers `stored` of one batch: most of what replicas say to each other, and said once.
package struct StoredReplies: Hashable, Sendable {
    package var ids: [UInt64]
    package var inFlight: UInt32
    package var serviceMicroseconds: UInt32
    package var clockMs: UInt64

    /// Of one answer; nil if it says something else.
    init?(_ envelope: ReplyEnvelope) {
        guard case .stored = envelope.reply else { return nil }
        self.init(
            ids: [envelope.id], inFlight: envelope.inFlight, serviceMicroseconds: envelope.serviceMicroseconds,
            clockMs: envelope.clockMs)
    }

    init(ids: [UInt64], inFlight: UInt32, serviceMicroseconds: UInt32, clockMs: UInt64 = 0) {
        self.ids = ids
        self.inFlight = inFlight
        self.serviceMicroseconds = serviceMicroseconds
        self.clockMs = clockMs
    }

    /// Takes `envelope` in; false if it says anything else than the others, or there is no room.
    package mutating func add(_ envelope: ReplyEnvelope) -> Bool {
        guard case .stored = envelope.reply, envelope.inFlight == inFlight,
            envelope.serviceMicroseconds == serviceMicroseconds, envelope.clockMs == clockMs,
            ids.count < Limits.batchRequests
        else { return false }
        ids.append(envelope.id)
        return true
    }

    /// The answers one by one.
    package var envelopes: some Sequence<ReplyEnvelope> {
        ids.lazy.map { [inFlight, serviceMicroseconds, clockMs] in
            ReplyEnvelope(
                id: $0, inFlight: inFlight, serviceMicroseconds: serviceMicroseconds, clockMs: clockMs, reply: .stored)
        }
    }
}
