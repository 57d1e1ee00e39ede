// Everything one node may say to another on a connection (docs/formats/peer.md).

import World

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
    package static let protocolVersion: UInt32 = 1

    case hello(Hello)
    case welcome(Welcome)
    case request(RequestEnvelope)
    case mergeRequests(MergeRequests)
    case reply(ReplyEnvelope)
    case storedReplies(StoredReplies)
    case gossip([UInt8])
    case names([UInt8])
    case ringRequest
    case ringReply(document: [UInt8])
}
