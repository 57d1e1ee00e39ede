// Eight bytes that say: this message is whole, from that node, for this node, of this cluster.
//
// Names need not travel in the message: the transport knows who is speaking, both ends know the rest, and the seal is
// computed over all of it. A misdirected message (an address given to another node), a foreign cluster's, or one whose
// bytes were damaged fails the same check. It is no signature: keeping liars out is the transport's task (TLS, token).

import World

/// FNV-1a, 64 bits (draft-eastlake-fnv): each step is a bijection of the state, so no single changed byte goes
/// unnoticed.
struct MessageSeal: Sendable {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    /// The seal's beginning that all messages of a cluster share.
    init(cluster: String) {
        absorb(cluster)
    }

    func of(_ bytes: [UInt8], from offset: Int, sender: NodeID, addressee: NodeID) -> UInt64 {
        var seal = self
        seal.absorb(sender.name)
        seal.absorb(addressee.name)
        seal.absorb(bytes, from: offset)
        return seal.state
    }

    /// A terminator that UTF-8 never contains keeps ("ab", "c") apart from ("a", "bc").
    private mutating func absorb(_ text: String) {
        for byte in text.utf8 { absorb(byte) }
        absorb(0xFF)
    }

    private mutating func absorb(_ bytes: [UInt8], from offset: Int) {
        var i = offset
        while i < bytes.count {
            absorb(bytes[i])
            i += 1
        }
    }

    private mutating func absorb(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
}
