// The room that is kept in a loop's memory for answers that are on their way.

import Causality
import DataTypes
import Gateway
import World

/// By kind of answer.
struct ExpectedAnswers: Sendable {
    /// One large object among many small ones must not keep the small ones out.
    private var read = ExpectedBytes(copies: 1, over: 64, first: 0)
    /// A page of a quorum's replicas each, and what is taken from them.
    private var list = ExpectedBytes(copies: 3, over: 8, first: Limits.rangeBytes / 4)

    /// What a change of a typed value has to say, with the value where that is wanted; as it is made of the replica's.
    private var change = ExpectedBytes(copies: 2, over: 64, first: 0)

    func bytes(of answer: DataAnswer) -> Int {
        switch answer {
        case .read, .typed: read.bytes
        case .list: list.bytes
        case .operated: change.bytes
        case .written: 0
        }
    }

    mutating func observe(_ outcome: ClientOutcome) {
        switch outcome {
        case .object(let object, _): read.observe(object?.payloadBytes ?? 0)
        case .list(let items, _, _): list.observe(items.indices.reduce(0) { $0 + items[$1].payloadBytes })
        case .operated(_, let answer, _, _): change.observe(answer.count)
        case .written, .inserted, .failed: break
        }
    }
}

/// What answers of one kind take, on the average of the last ones: the room that is kept for one that is on its way.
struct ExpectedBytes {
    /// How many copies of the answer there are while it is made.
    private let copies: Int
    /// How many answers the average is over: of the more kinds the answers are, the more.
    private let answers: Int
    private var mean: Int

    init(copies: Int, over answers: Int, first: Int) {
        self.copies = copies
        self.answers = answers
        mean = first
    }

    var bytes: Int { copies * mean }

    mutating func observe(_ bytes: Int) { mean += (bytes - mean) / answers }
}
