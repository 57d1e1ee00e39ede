// The hardware side of a deployment: countries and the nodes that stand in them.

package import World

/// The largest failure domain.
package struct Country: Hashable, Sendable {
    /// 1 to 16 bytes of `a-z 0-9 _`: no dash, so that `[link.de-us]` reads in one way.
    package let id: String
    package let location: Coordinates?

    package init(id: String, location: Coordinates? = nil) {
        self.id = id
        self.location = location
    }
}

/// What the operator says of a node; whether it is reachable is gossip's to tell.
package enum NodeState: String, Hashable, Sendable, CaseIterable {
    /// Just added: gets replicas, holds none yet.
    case new
    case up
    /// Leaving: gets no replicas and keeps none after the next plan; until that is carried out it serves what it has.
    case drain
}

/// One node of the ring file.
package struct RingNode: Hashable, Sendable {
    package var id: NodeID
    package var country: String
    /// Unique within its country: zone `a` of `de` and zone `a` of `us` are two.
    package var zone: String
    /// Empty where the file names none.
    package var rack: String
    package var peer: HostPort
    package var http: HostPort
    /// Where its site listens, if it has one.
    package var social: HostPort?
    /// Disk the node offers; 0 makes a stateless gateway, which routes and stores nothing.
    package var capacityBytes: UInt64
    package var state: NodeState
    /// The node's own, else its country's.
    package var location: Coordinates?
    /// Network bandwidth in Mbit/s.
    package var mbit: Double?
    /// Annual failure rate, 0...1. The ring file's alone: for planning.
    package var afr: Double?

    package init(
        id: NodeID, country: String, zone: String? = nil, rack: String = "", peer: HostPort, http: HostPort,
        social: HostPort? = nil, capacityBytes: UInt64, state: NodeState = .up, location: Coordinates? = nil,
        mbit: Double? = nil,
        afr: Double? = nil
    ) {
        self.id = id
        self.country = country
        self.zone = zone ?? country
        self.rack = rack
        self.peer = peer
        self.http = http
        self.social = social
        self.capacityBytes = capacityBytes
        self.state = state
        self.location = location
        self.mbit = mbit
        self.afr = afr
    }

    package var isGateway: Bool { capacityBytes == 0 }
    /// Whether a new assignment may give it replicas.
    package var takesReplicas: Bool { capacityBytes > 0 && state != .drain }
}
