// What proposers and acceptors say to each other. Requests go to an acceptor, replies to a registry.

import World

/// One message. The sender's node is the transport's to know.
package struct NameMessage: Equatable, Sendable {
    /// Nil before the cluster is founded.
    package var cluster: ClusterID?
    /// The sender's epoch; 0 before it knows one.
    package var epoch: UInt64
    /// Of a request: the store it is meant for, nil for any. Of a reply: the store that answers.
    package var store: StoreID?
    /// Chosen by the requester, repeated in the reply.
    package var exchange: UInt64
    package var body: Body

    package enum Body: Equatable, Sendable {
        case request(NameRequest)
        case reply(NameReply)
    }

    init(cluster: ClusterID?, epoch: UInt64, store: StoreID?, exchange: UInt64, body: Body) {
        self.cluster = cluster
        self.epoch = epoch
        self.store = store
        self.exchange = exchange
        self.body = body
    }

    /// Nobody waits for it: it may travel with whatever goes the same way next.
    package var isHint: Bool {
        if case .request(.learn) = body { true } else { false }
    }

    /// A request that tells the node's registry nothing.
    package var isForAcceptorAlone: Bool {
        switch body {
        case .request(.setEpoch), .reply: false
        case .request: true
        }
    }

    /// True for what the acceptor's thread takes, false for what the registry takes.
    package var isRequest: Bool {
        if case .request = body { true } else { false }
    }
}

package enum NameRequest: Equatable, Sendable {
    case prepare(RegisterKey, Ballot)
    case accept(RegisterKey, Accepted)
    case fastAccept(RegisterKey, RegisterValue)
    /// This was chosen. Not answered.
    case learn(RegisterKey, Accepted)
    case read(RegisterKey)
    case setEpoch(Configuration)
    /// Up to `limit` keys after `after`.
    case list(after: RegisterKey?, limit: Int)
    case hello
    /// Asks an unfounded store to follow this founder and no other.
    case pledge(founder: AcceptorID)
}

package enum NameReply: Equatable, Sendable {
    case vote(Vote)
    /// The request's epoch is over; this one is in force.
    case wrongEpoch(Configuration)
    /// The request's epoch is not known here yet: send `setEpoch` first.
    case behind
    /// The acceptor's epoch, in the message's head, is at least the one asked for.
    case epochSet
    case page(keys: [RegisterKey], isLast: Bool)
    case identity(StoreIdentity)
    case pledged(founder: AcceptorID)
}

/// The answer to a phase or a read.
package struct Vote: Equatable, Sendable {
    package let granted: Bool
    /// The state after the request, durable when this leaves. Empty in a granted `accept`: the proposer knows it.
    package let state: RecordState

    package init(granted: Bool, state: RecordState) {
        self.granted = granted
        self.state = state
    }
}

/// What a store says of itself to anyone.
package struct StoreIdentity: Equatable, Sendable {
    package enum Standing: UInt8, Equatable, Sendable {
        case unfounded = 0
        case founded = 1
        /// It may have lost votes: it casts none until an operator gives it a new identity.
        case quarantined = 2
    }

    package let standing: Standing
    let pledge: AcceptorID?
    package let configuration: Configuration?

    init(standing: Standing, pledge: AcceptorID?, configuration: Configuration?) {
        self.standing = standing
        self.pledge = pledge
        self.configuration = configuration
    }
}
