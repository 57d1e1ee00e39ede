// An object as a replica mints it.

import Causality
import DataTypes
import World

enum MintedObject {
    static func bytes(_ text: String, by node: NodeID) -> [UInt8] {
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: node, incarnation: 1), counter: 1)
        object.write(
            Sibling(dot: dot, payload: .value(Array(text.utf8)), time: HybridTime(bits: 1)), context: nil,
            rule: .siblings)
        return object.encode()
    }
}
