// Requests whose keys several of a node's shards have: each does its part, and whoever asked is answered once, when the
// last has.

import World
import Wire

struct JointAnswers: Sendable {
    private struct Joint {
        let address: ReplyAddress
        var open: Int
        /// Of those that have answered, the one that says the least.
        var answer: ReplyEnvelope?
    }

    private let port: Int
    private var joints = SlotTable<Joint>()

    init(port: Int) { self.port = port }

    /// Where the answers to the parts go.
    mutating func begin(parts: Int, for address: ReplyAddress) -> ReplyAddress {
        ReplyAddress(port: port, asker: .joint, id: joints.insert(Joint(address: address, open: parts)))
    }

    /// The answer to the whole, once this is the last one.
    mutating func add(_ part: StorageAnswer) -> StorageAnswer? {
        guard var joint = joints.take(part.address.id) else { return nil }
        joint.open -= 1
        if joint.answer.map({ part.envelope.reply.saysLess(than: $0.reply) }) ?? true { joint.answer = part.envelope }
        guard joint.open == 0, var answer = joint.answer else {
            joints.put(joint, part.address.id)
            return nil
        }
        joints.release(part.address.id)
        answer.id = joint.address.id
        return StorageAnswer(address: joint.address, envelope: answer)
    }
}

extension ReplicaReply {
    /// Refused is less than stored beside something, and that is less than stored.
    fileprivate func saysLess(than other: ReplicaReply) -> Bool {
        switch (self, other) {
        case (.refused, .refused): false
        case (.refused, _): true
        case (.storedBeside, .stored): true
        default: false
        }
    }
}
