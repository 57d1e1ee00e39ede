// What the network has to say to whichever part of a simulated node a port belongs to.

import Node
import Wire
import World

extension SimulatedNode.Input {
    init(_ replies: [ReplyEnvelope], _ node: NodeID, _ port: Port) {
        self =
            switch port {
            case .loop(let loop): .loop(loop, .replies(replies, from: node))
            case .control, .bulk: .control(.replies(replies, from: node))
            }
    }

    init(unsent ask: UInt64, _ node: NodeID, _ port: Port) {
        self =
            switch port {
            case .loop(let loop): .loop(loop, .unsent([ask], node))
            case .control, .bulk: .control(.lost([ask], node))
            }
    }

    init(lost asks: [UInt64], _ node: NodeID, _ port: Port) {
        self =
            switch port {
            case .loop(let loop): .loop(loop, .lost(asks, node))
            case .control, .bulk: .control(.lost(asks, node))
            }
    }

    /// Nil where nobody minds: gossip needs no telling that its link is down.
    init?(link node: NodeID, _ port: Port, isUp: Bool) {
        switch port {
        case .loop(let loop): self = .loop(loop, .link(node, isUp: isUp))
        case .bulk: self = .control(.link(node, isUp: isUp))
        case .control:
            guard isUp else { return nil }
            self = .control(.gossipLink(node))
        }
    }
}
