// What a register holds and under which key. The value is a pure function of the requests that led to it: no time, no
// gateway, or a retry through another node would collide with itself on the fast ballot.

import World

/// Which register: the configuration's, or a name's.
package struct RegisterKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// A kind byte (0 configuration, 1 name), then the normalised name.
    package let bytes: [UInt8]

    /// Nil if the kind is unknown or the length breaks the bounds: keys come from peers and disks too.
    init?(bytes: [UInt8]) {
        switch bytes.first {
        case 0: guard bytes.count == 1 else { return nil }
        case 1: guard (2...(Limits.nameBytes + 1)).contains(bytes.count) else { return nil }
        default: return nil
        }
        self.bytes = bytes
    }

    init(_ name: Name) { bytes = [1] + name.bytes }
    private init() { bytes = [0] }

    package static let configuration = RegisterKey()
    var isConfiguration: Bool { bytes.count == 1 }

    package static func < (a: RegisterKey, b: RegisterKey) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
    package var description: String {
        isConfiguration ? "(configuration)" : String(decoding: bytes.dropFirst(), as: UTF8.self)
    }
}

/// One state of a register.
package struct RegisterValue: Equatable, Sendable {
    package enum Body: Equatable, Sendable {
        /// Nothing was ever chosen, and a proposer pinned that; the same as no value at all.
        case vacant
        case held(OwnerDigest)
        /// Keeps who released it, so that a repeated release is answered like the first one.
        case released(OwnerDigest)
        case configuration(ConfigurationState)
    }

    /// Grows by one with every change, so that each generation has one author; 0 for `vacant` alone.
    package let generation: UInt64
    /// The operation that made generation 1: it tells a late fast registration that it never took effect.
    let firstOperation: OperationID
    /// The operation that made this generation.
    let lastOperation: OperationID
    package let body: Body

    init(generation: UInt64, firstOperation: OperationID, lastOperation: OperationID, body: Body) {
        self.generation = generation
        self.firstOperation = firstOperation
        self.lastOperation = lastOperation
        self.body = body
    }

    package static let vacant = RegisterValue(
        generation: 0, firstOperation: OperationID(high: 0, low: 0), lastOperation: OperationID(high: 0, low: 0),
        body: .vacant)

    /// The next generation, made by `operation`.
    func next(_ body: Body, by operation: OperationID) -> RegisterValue {
        RegisterValue(
            generation: generation + 1, firstOperation: generation == 0 ? operation : firstOperation,
            lastOperation: operation, body: body)
    }
}

/// A value with the ballot it was accepted at.
package struct Accepted: Equatable, Sendable {
    package let ballot: Ballot
    package let value: RegisterValue

    init(ballot: Ballot, value: RegisterValue) {
        self.ballot = ballot
        self.value = value
    }
}

/// What one acceptor knows of one register.
package struct RecordState: Equatable, Sendable {
    /// Never below `accepted.ballot`, except that a fast vote promises nothing.
    package var promised: Ballot?
    package var accepted: Accepted?
    /// The highest ballot known to be chosen. Equal to `accepted.ballot` if that value is.
    package var known: Ballot?

    package init(promised: Ballot? = nil, accepted: Accepted? = nil, known: Ballot? = nil) {
        self.promised = promised
        self.accepted = accepted
        self.known = known
    }

    var isUntouched: Bool { promised == nil && accepted == nil }
    package var isKnown: Bool {
        guard let accepted, let known else { return false }
        return known >= accepted.ballot
    }
}
