// Eight bytes that say: this message is whole, from that node, for this node, of this cluster.
//
// Names need not travel in the message: the transport knows who is speaking, both ends know the rest, and the seal is
// computed over all of it. A misdirected message (an address given to another node), a foreign cluster's, or one whose
// bytes were damaged fails the same check. It is no signature: keeping liars out is the transport's task (TLS, token).

import World

struct MessageSeal: Sendable {
    private var hash = StableHash()

    /// The seal's beginning that all messages of a cluster share.
    init(cluster: String) { add(cluster) }

    func of(_ bytes: [UInt8], from offset: Int, sender: NodeID, addressee: NodeID) -> UInt64 {
        var seal = self
        seal.add(sender.name)
        seal.add(addressee.name)
        seal.hash.add(bytes, from: offset)
        return seal.hash.value
    }

    /// A terminator that UTF-8 never contains keeps ("ab", "c") apart from ("a", "bc").
    private mutating func add(_ text: String) {
        hash.add(text.utf8)
        hash.add(0xFF as UInt8)
    }
}
