// The state machine of a register: what an operation makes of the state it finds. Pure, so that every gateway that
// carries the same request makes the same value of it.

import World

/// What applying an operation comes to.
enum Transition: Equatable {
    case change(RegisterValue, NameAnswer)
    case keep(NameAnswer)
}

extension RegisterOperation {
    /// - Parameters:
    ///   - current: what is chosen, or must be carried on from.
    ///   - founding: the configuration in force, which stands for the configuration register while that is vacant.
    func apply(to current: RegisterValue, of key: RegisterKey, founding: Configuration) -> Transition {
        switch self {
        case .name(let operation): operation.apply(to: current, of: key)
        case .configuration(let operation): operation.apply(to: current, founding: founding)
        }
    }

    /// The digest of the request and the generation it starts from.
    func id(base: UInt64, key: RegisterKey) -> OperationID {
        var writer = ByteWriter()
        writer.fixed64(base)
        switch self {
        case .name(.register(let owner, let request, _)):
            writer.byte(1)
            writer.owner(owner)
            writer.identifier(request)
        case .name(.release(let owner, _)):
            writer.byte(2)
            writer.owner(owner)
        case .name(.transfer(let from, let to, _)):
            writer.byte(3)
            writer.owner(from)
            writer.owner(to)
        case .name(.read), .name(.pin), .configuration(.read): writer.byte(4)
        case .configuration(.begin(let from, let to)):
            writer.byte(5)
            writer.configuration(from)
            for member in to { writer.member(member) }
        case .configuration(.finish(let joint)):
            writer.byte(6)
            writer.configuration(joint)
        case .configuration(.commitRing(let number, let digest)):
            writer.byte(7)
            writer.varint(number)
            writer.counted(digest)
        }
        return OperationID(Digest256(domain: "atoll/namestore/operation", [key.bytes, writer.bytes]))
    }
}

extension NameOperation {
    fileprivate func apply(to current: RegisterValue, of key: RegisterKey) -> Transition {
        let generation = current.generation
        func change(_ body: RegisterValue.Body, _ answer: (UInt64) -> NameAnswer) -> Transition {
            let id = RegisterOperation.name(self).id(base: generation, key: key)
            return .change(current.next(body, by: id), answer(generation + 1))
        }
        /// Whether this very request made what stands: carried by another gateway, or sent again by its client.
        var isAgain: Bool { RegisterOperation.name(self).id(base: generation - 1, key: key) == current.lastOperation }
        switch (self, current.body) {
        case (.pin, _): return .keep(.pinned)
        case (.read, .vacant): return .keep(.absent)
        case (.read, .held(let owner)): return .keep(.held(generation: generation, owner: owner))
        case (.read, .released): return .keep(.released(generation: generation))

        case (.register(let owner, _, _), .held(let holder)):
            guard owner == holder else { return .keep(.taken(generation: generation)) }
            return .keep(isAgain ? .registered(generation: generation) : .alreadyYours(generation: generation))
        case (.register(let owner, _, let expected), .vacant), (.register(let owner, _, let expected), .released):
            guard expected == nil || expected == generation else { return .keep(.stale(generation: generation)) }
            return change(.held(owner)) { .registered(generation: $0) }

        case (.release(let owner, let expected), .held(let holder)):
            guard owner == holder else { return .keep(.forbidden(generation: generation)) }
            guard expected == nil || expected == generation else { return .keep(.stale(generation: generation)) }
            return change(.released(owner)) { .released(generation: $0) }
        case (.release(let owner, let expected), .released(let last)):
            guard owner == last else { return .keep(.absent) }
            // The same release again.
            guard expected == nil || expected == generation - 1 else { return .keep(.stale(generation: generation)) }
            return .keep(.released(generation: generation))

        case (.transfer(let from, let to, let expected), .held(let holder)):
            if from == holder {
                guard expected == nil || expected == generation else { return .keep(.stale(generation: generation)) }
                // To oneself is no change: two of them at once would be one generation or two, and none could tell.
                guard from != to else { return .keep(.transferred(generation: generation)) }
                return change(.held(to)) { .transferred(generation: $0) }
            }
            return .keep(isAgain ? .transferred(generation: generation) : .forbidden(generation: generation))
        case (.release, .vacant), (.transfer, .vacant), (.transfer, .released): return .keep(.absent)
        case (_, .configuration): return .keep(.absent)
        }
    }
}

extension ConfigurationOperation {
    fileprivate func apply(to current: RegisterValue, founding: Configuration) -> Transition {
        var state = ConfigurationState(configuration: founding)
        if case .configuration(let found) = current.body { state = found }
        func change(_ edit: (inout ConfigurationState) -> Void) -> Transition {
            var next = state
            edit(&next)
            let id = RegisterOperation.configuration(self).id(base: current.generation, key: .configuration)
            return .change(current.next(.configuration(next), by: id), .configuration(next))
        }
        switch self {
        case .read: return .keep(.configuration(state))
        case .begin(let from, let to):
            let joint = Configuration(epoch: from.epoch + 1, acceptors: from.acceptors, successors: to)
            guard let joint, !from.isJoint else { return .keep(.conflict(state)) }
            if state.configuration == joint { return .keep(.configuration(state)) }
            guard state.configuration == from else { return .keep(.conflict(state)) }
            return change { $0.configuration = joint }
        case .finish(let joint):
            guard let successors = joint.successors,
                let next = Configuration(epoch: joint.epoch + 1, acceptors: successors)
            else { return .keep(.conflict(state)) }
            if state.configuration == next { return .keep(.configuration(state)) }
            guard state.configuration == joint else { return .keep(.conflict(state)) }
            return change { $0.configuration = next }
        case .commitRing(let number, let digest):
            if state.ringEpoch == number, state.ringDigest == digest { return .keep(.configuration(state)) }
            guard number > 0, state.ringEpoch == number - 1 else { return .keep(.conflict(state)) }
            return change {
                $0.ringEpoch = number
                $0.ringDigest = digest
            }
        }
    }
}
