// Between the parts of messages and those of peer.proto. Everything from a peer is checked here once: what is missing,
// too long or of an unknown kind is refused, so that the floors above only meet values that hold their own rules.

import SwiftProtobuf
import World

import struct Foundation.Data

func bounded(_ data: Data, _ limit: Int) throws(DecodingFailure) -> [UInt8] {
    guard data.count <= limit else { throw .overlong }
    return [UInt8](data)
}

func bounded(_ text: String, _ limit: Int) throws(DecodingFailure) -> String {
    guard text.utf8.count <= limit else { throw .overlong }
    return text
}

func node(_ name: String) throws(DecodingFailure) -> NodeID {
    guard let id = NodeID(name) else { throw .malformed("a node's name breaks its rule") }
    return id
}

func storedKey(_ data: Data) throws(DecodingFailure) -> [UInt8] { try bounded(data, Limits.storedKeyBytes) }

// MARK: Handshake

extension PBHello {
    init(_ hello: Hello) {
        self.init()
        version = hello.version
        cluster = hello.cluster
        node = hello.node
        incarnation = hello.incarnation
        ringEpoch = hello.ringEpoch
        ringDigest = Data(hello.ringDigest)
        lane = PBLane(rawValue: Int(hello.lane.rawValue)) ?? .data
        joining = hello.joining
    }

    func checked() throws(DecodingFailure) -> Hello {
        guard let known = Lane(rawValue: UInt8(clamping: lane.rawValue)) else { throw .malformed("an unknown lane") }
        return Hello(
            version: version, cluster: try bounded(cluster, Limits.nodeNameBytes),
            node: try bounded(node, Limits.nodeNameBytes), incarnation: incarnation, ringEpoch: ringEpoch,
            ringDigest: try bounded(ringDigest, Limits.ringDigestBytes), lane: known, joining: joining)
    }
}

extension PBWelcome {
    init(_ welcome: Welcome) {
        self.init()
        accepted = welcome.accepted
        reason = welcome.reason
        node = welcome.node
        incarnation = welcome.incarnation
        ringEpoch = welcome.ringEpoch
    }

    func checked() throws(DecodingFailure) -> Welcome {
        Welcome(
            accepted: accepted, reason: try bounded(reason, Limits.reasonBytes),
            node: try bounded(node, Limits.nodeNameBytes),
            incarnation: incarnation, ringEpoch: ringEpoch)
    }
}

// MARK: Requests

extension PBRequest {
    init(_ envelope: RequestEnvelope) {
        self.init()
        id = envelope.id
        timeoutMs = envelope.timeoutMs
        switch envelope.request {
        case .read, .mergeEach: break  // short frames
        case .insert: break  // never sent
        case .mint(let request): mint = PBMint(request)
        case .merge(let key, let object, let repair):
            merge = .with {
                $0.key = Data(key)
                $0.object = Data(object)
                $0.repair = repair
            }
        case .hint(let target, let key, let object):
            hint = .with {
                $0.target = target.name
                $0.key = Data(key)
                $0.object = Data(object)
            }
        case .readHints(let target, let key):
            readHints = .with {
                $0.target = target.name
                $0.key = Data(key)
            }
        case .range(let request):
            range = .with {
                $0.start = Data(request.start)
                if let end = request.end { $0.end = Data(end) }
                $0.limit = UInt32(clamping: request.limit)
                $0.reverse = request.reverse
                $0.repair = request.repair
            }
        case .compare(let request):
            compare = .with {
                $0.firstToken = request.first
                $0.lastToken = request.last
                $0.slices = UInt32(clamping: request.slices)
                $0.placement = request.placement
                $0.from = Data(request.from)
                $0.until = Data(request.until ?? [])
            }
        }
    }

    func checked() throws(DecodingFailure) -> RequestEnvelope {
        let request: ReplicaRequest
        switch operation {
        case .mint(let m): request = .mint(try m.checked())
        case .merge(let m):
            request = .merge(
                key: try storedKey(m.key), object: try bounded(m.object, Limits.objectBytes), repair: m.repair)
        case .hint(let m):
            request = .hint(
                target: try Wire.node(m.target), key: try storedKey(m.key),
                object: try bounded(m.object, Limits.objectBytes))
        case .readHints(let m): request = .readHints(target: try Wire.node(m.target), key: try storedKey(m.key))
        case .range(let m):
            guard (1...Limits.rangeItems).contains(Int(m.limit)) else { throw .overlong }
            request = .range(
                RangeRequest(
                    start: try storedKey(m.start), end: m.end.isEmpty ? nil : try storedKey(m.end),
                    limit: Int(m.limit), reverse: m.reverse, repair: m.repair))
        case .compare(let m):
            guard (1...Limits.compareSlices).contains(Int(m.slices)) else { throw .overlong }
            guard m.firstToken <= m.lastToken else { throw .malformed("a token range that ends before it begins") }
            request = .compare(
                CompareRequest(
                    first: m.firstToken, last: m.lastToken, slices: Int(m.slices),
                    placement: try bounded(m.placement, Limits.bucketNameBytes), from: try storedKey(m.from),
                    until: m.until.isEmpty ? nil : try storedKey(m.until)))
        case nil: throw .malformed("a request of an unknown kind")
        }
        return RequestEnvelope(id: id, timeoutMs: timeoutMs, request: request)
    }
}

extension PBMint {
    init(_ request: MintRequest) {
        self.init()
        key = Data(request.key)
        tombstone = request.value == nil
        if let value = request.value { self.value = Data(value) }
        contentType = request.contentType
        if let context = request.context { self.context = Data(context) }
        onlyIfAbsent = request.onlyIfAbsent
        if let end = request.expiresAt { expiresAtMs = end.milliseconds }
        if let attempt = request.attempt { self.attempt = attempt }
        voids = request.voids
        if let sentAt = request.sentAtMs { sentAtMs = sentAt }
    }

    func checked() throws(DecodingFailure) -> MintRequest {
        guard voids.count <= Limits.voidedAttempts else { throw .overlong }
        var request = MintRequest(
            key: try storedKey(key), value: tombstone ? nil : try bounded(value, Limits.largestValueBytes),
            contentType: try bounded(contentType, Limits.contentTypeBytes),
            context: hasContext ? try bounded(context, Limits.contextBytes) : nil, onlyIfAbsent: onlyIfAbsent,
            expiresAt: hasExpiresAtMs ? WallTime(milliseconds: expiresAtMs) : nil)
        request.attempt = hasAttempt ? attempt : nil
        request.voids = voids
        // A peer's mint always has its age; one that does not say it counts as too old.
        request.sentAtMs = hasSentAtMs ? sentAtMs : 0
        return request
    }
}

// MARK: Replies

extension PBReply {
    init(_ envelope: ReplyEnvelope) {
        self.init()
        id = envelope.id
        inFlight = envelope.inFlight
        serviceUs = envelope.serviceMicroseconds
        clockMs = envelope.clockMs
        switch envelope.reply {
        case .object: break  // a short frame
        case .summary(let bytes): summary = Data(bytes)
        case .minted(let bytes, let wasAbsent):
            minted = .with {
                $0.object = Data(bytes)
                $0.wasAbsent = wasAbsent
            }
        case .stored: stored = true
        case .storedBeside: stored = false
        case .page(let items, let more):
            page = .with {
                $0.items = items.indices.map { place in
                    .with {
                        $0.key = Data(items.block[items.key(at: place)])
                        $0.object = Data(items.block[items.object(at: place)])
                    }
                }
                $0.more = more
            }
        case .fingerprints(let slices, let end, let bytes):
            fingerprints = .with {
                $0.slices = slices
                $0.bytes = UInt32(clamping: bytes)
                if let end { $0.end = Data(end) }
            }
        case .refused(let refusal):
            refused = .with {
                $0.code = refusal.code.rawValue
                $0.detail = refusal.detail
            }
        }
    }

    func checked() throws(DecodingFailure) -> ReplyEnvelope {
        let reply: ReplicaReply
        switch result {
        case .summary(let bytes): reply = .summary(try bounded(bytes, Limits.objectBytes))
        case .minted(let m):
            reply = .minted(object: try bounded(m.object, Limits.objectBytes), wasAbsent: m.wasAbsent)
        case .stored(let isAlone): reply = isAlone ? .stored : .storedBeside
        case .page(let m):
            guard m.items.count <= Limits.rangeItems else { throw .overlong }
            var items = RangeItems()
            items.reserve(m.items.count, bytes: m.items.reduce(0) { $0 + $1.key.count + $1.object.count })
            for item in m.items {
                items.append(
                    RangeItem(key: try storedKey(item.key), object: try bounded(item.object, Limits.objectBytes)))
            }
            reply = .page(items: items, more: m.more)
        case .fingerprints(let m):
            guard m.slices.count <= Limits.compareSlices else { throw .overlong }
            reply = .fingerprints(m.slices, end: m.hasEnd ? try storedKey(m.end) : nil, bytes: Int(m.bytes))
        case .refused(let m):
            reply = .refused(
                Refusal(Refusal.Code(rawValue: m.code) ?? .unknown, try bounded(m.detail, Limits.reasonBytes)))
        case nil: throw .malformed("a reply of an unknown kind")
        }
        return ReplyEnvelope(
            id: id, inFlight: inFlight, serviceMicroseconds: serviceUs, clockMs: clockMs, reply: reply)
    }
}
