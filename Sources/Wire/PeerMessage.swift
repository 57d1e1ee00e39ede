// Everything one node may say to another on a connection (docs/formats/peer.md), and its bytes: a message is a row in
// each of three lists here. Its parts, where it has any, are put into bytes and checked in PeerCodec.swift.

import SwiftProtobuf
package import World

import struct Foundation.Data

/// What a connection is for. Each lane is a connection of its own, so that bulk never stands before a request.
package enum Lane: UInt8, Sendable, Hashable, CaseIterable {
    case data = 0
    case control = 1
    case bulk = 2
}

/// The connecting side's introduction. A node is let in if its cluster, its name and its ring agree with ours.
package struct Hello: Hashable, Sendable {
    package var version: UInt32
    package var cluster: String
    package var node: String
    package var incarnation: UInt64
    package var ringEpoch: UInt64
    package var ringDigest: [UInt8]
    package var lane: Lane
    package var joining: Bool

    package init(
        version: UInt32 = PeerMessage.protocolVersion, cluster: String, node: String, incarnation: UInt64,
        ringEpoch: UInt64, ringDigest: [UInt8], lane: Lane, joining: Bool = false
    ) {
        self.version = version
        self.cluster = cluster
        self.node = node
        self.incarnation = incarnation
        self.ringEpoch = ringEpoch
        self.ringDigest = ringDigest
        self.lane = lane
        self.joining = joining
    }
}

package struct Welcome: Hashable, Sendable {
    package var accepted: Bool
    package var reason: String
    package var node: String
    package var incarnation: UInt64
    package var ringEpoch: UInt64

    package init(accepted: Bool, reason: String = "", node: String, incarnation: UInt64, ringEpoch: UInt64) {
        self.accepted = accepted
        self.reason = reason
        self.node = node
        self.incarnation = incarnation
        self.ringEpoch = ringEpoch
    }
}

package enum PeerMessage: Hashable, Sendable {
    /// Raised when an old node could not understand a new one.
    package static let protocolVersion: UInt32 = 4

    case hello(Hello)
    case welcome(Welcome)
    case request(RequestEnvelope)
    case mergeRequests(MergeRequests)
    case reply(ReplyEnvelope)
    case storedReplies(StoredReplies)
    case gossip([UInt8])
    case names([UInt8])
    case live([UInt8])
    case ringRequest
    case ringReply(document: [UInt8])
}

extension PeerMessage {
    package func encode() -> [UInt8] {
        if let short = ShortFrame.encode(self) { return short }
        var frame = PBFrame()
        switch self {
        case .hello(let hello): frame.hello = PBHello(hello)
        case .welcome(let welcome): frame.welcome = PBWelcome(welcome)
        case .request(let envelope): frame.request = PBRequest(envelope)
        case .reply(let envelope): frame.reply = PBReply(envelope)
        case .gossip(let bytes): frame.gossip = Data(bytes)
        case .names(let bytes): frame.names = Data(bytes)
        case .live(let bytes): frame.live = Data(bytes)
        case .ringRequest: frame.ringRequest = PBRingRequest()
        case .ringReply(let document): frame.ringReply = .with { $0.document = Data(document) }
        case .mergeRequests, .storedReplies: break  // short frames
        }
        // The only documented failures are missing required fields and proto2 extensions, which proto3 has not.
        return (try? frame.serializedBytes()) ?? []
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        guard bytes.count <= Limits.frameBytes else { throw .overlong }
        if let short = try ShortFrame.decode(bytes) {
            self = short
            return
        }
        try FrameShape.check(bytes)
        let frame: PBFrame
        do { frame = try PBFrame(serializedBytes: bytes) } catch { throw .malformed("not a peer message") }
        switch frame.body {
        case .hello(let hello): self = .hello(try hello.checked())
        case .welcome(let welcome): self = .welcome(try welcome.checked())
        case .request(let request): self = .request(try request.checked())
        case .reply(let reply): self = .reply(try reply.checked())
        case .gossip(let bytes): self = .gossip(try bounded(bytes, Limits.gossipBytes))
        case .names(let bytes): self = .names(try bounded(bytes, Limits.frameBytes))
        case .live(let bytes): self = .live(try bounded(bytes, Limits.frameBytes))
        case .ringRequest: self = .ringRequest
        case .ringReply(let reply): self = .ringReply(document: try bounded(reply.document, Limits.ringDocumentBytes))
        case nil: throw .malformed("a peer message of an unknown kind")
        }
    }
}
