// How a node introduces itself to the others, and whom of them it lets in (docs/formats/peer.md, "Handshake").

package import Ring
package import Wire
package import World

package struct PeerGreeting: Sendable {
    private let identity: NodeID
    private let incarnation: UInt64
    private let ring: RingSnapshot

    package init(identity: NodeID, incarnation: UInt64, ring: RingSnapshot) {
        self.identity = identity
        self.incarnation = incarnation
        self.ring = ring
    }

    package func hello(_ lane: Lane) -> Hello {
        Hello(
            cluster: ring.document.cluster, node: identity.name, incarnation: incarnation,
            ringEpoch: ring.document.epoch, ringDigest: ring.digest, lane: lane)
    }

    /// Nil if `hello` is welcome, else what to tell the peer. The reasons are for its operator.
    func refusal(of hello: Hello) -> String? {
        let document = ring.document
        guard hello.version == PeerMessage.protocolVersion else {
            return "protocol version \(hello.version) is not \(PeerMessage.protocolVersion)"
        }
        // A joining node may not know the cluster's name yet.
        guard hello.cluster == document.cluster || (hello.joining && hello.cluster.isEmpty) else {
            return "this is cluster \(document.cluster), not \(hello.cluster)"
        }
        if hello.joining { return nil }
        guard let node = NodeID(hello.node), document.node(node) != nil else {
            return "\(hello.node) is not in the ring of \(document.cluster) (epoch \(document.epoch))"
        }
        guard node != identity else { return "\(node) is this node's own name" }
        guard hello.ringEpoch != document.epoch || hello.ringDigest == ring.digest else {
            return "\(node) has another ring document under the same epoch \(document.epoch); "
                + "start every node with the same ring file"
        }
        return nil
    }

    func welcome(_ refusal: String?) -> Welcome {
        Welcome(
            accepted: refusal == nil, reason: refusal ?? "", node: identity.name, incarnation: incarnation,
            ringEpoch: ring.document.epoch)
    }
}
