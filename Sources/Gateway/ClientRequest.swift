// What a client wants and what it gets, without a trace of HTTP.

import Causality
package import DataTypes
package import Keys
package import Ring
import Wire
package import World

package struct ClientRequest: Hashable, Sendable {
    package enum Operation: Hashable, Sendable {
        case read
        /// `value` nil deletes. `context`: an encoded `CausalContext`, checked already.
        case write(value: [UInt8]?, contentType: String, context: [UInt8]?, onlyIfAbsent: Bool, ttlMs: UInt64?)
        /// On a key of a typed bucket. The rest as in `write`.
        case operate(TypedCall, context: [UInt8]?, onlyIfAbsent: Bool)
        /// One value under each of `keys`, where the own node knows of nothing, at the least level: for what means the
        /// same however often it is written. All in one bucket of plain values whose last write wins.
        case insert(keys: [StoredKey], value: [UInt8], contentType: String)
        /// Items with stored keys in `range`.
        case list(range: KeyRange, reverse: Bool, limit: Int)

        package var isWrite: Bool {
            switch self {
            case .write, .operate, .insert: true
            case .read, .list: false
            }
        }
    }

    package var operation: Operation
    package var key: StoredKey
    /// Nil: the bucket's.
    package var level: ConsistencyLevel?
    package var strict: Bool
    package var timeout: Span
    /// Where the client says it is.
    package var location: Coordinates?

    package init(
        _ operation: Operation, key: StoredKey, level: ConsistencyLevel? = nil, strict: Bool = false,
        timeout: Span = Limits.defaultRequestTimeout, location: Coordinates? = nil
    ) {
        self.operation = operation
        self.key = key
        self.level = level
        self.strict = strict
        self.timeout = timeout
        self.location = location
    }
}

/// The honest account of a request: who has it, and how.
package struct Account: Hashable, Sendable {
    package var tally: Tally
    package var level: ConsistencyLevel
    package var reached: Bool

    init(tally: Tally, level: ConsistencyLevel, reached: Bool) {
        self.tally = tally
        self.level = level
        self.reached = reached
    }
}

/// Its cases are handed on several times: indirect, they go as one word.
package indirect enum ClientOutcome: Hashable, Sendable {
    /// The merged object; nil where no replica that answered holds anything.
    case object(StoredObject?, Account)
    case written(StoredObject, created: Bool, Account)
    /// The encoded context of what it has led to; `answer`: what the replica that minted it has to say (`TypedMinted`).
    case operated([UInt8], answer: [UInt8], created: Bool, Account)
    /// A replica has the value, and the others will, but under the keys at the places `left`: something stands there,
    /// or nobody is known to have it. They are to be written one by one.
    case inserted(left: [Int])
    /// Items that hold a value, in the order asked for; `next` is nil where the range was listed to its end.
    case list([ListedItem], next: ListContinuation?, Account)
    case failed(RequestFailure, Account?)
}

/// Where a listing goes on, as a stored key.
package enum ListContinuation: Hashable, Sendable {
    case at([UInt8])
    case after([UInt8])
}

/// Why a request was not answered as asked.
package enum RequestFailure: Error, Hashable, Sendable {
    case badLevel(String)
    case exists
    case tooManySiblings(String)
    case vectorFull(String)
    case tooLarge(String)
    /// It can't be done to what stands there.
    case notApplied(NotApplied)
    /// No replica has seen all that its context names.
    case behind
    case diskFull
    case overloaded
    /// Too few replicas answered in time. `mayTakeEffect`: a write had left, and some replica may have it.
    case quorumNotReached(mayTakeEffect: Bool)
    case malformed(String)
}

extension Refusal {
    /// The failure to tell the client, where no other replica would answer otherwise.
    var isFinal: RequestFailure? {
        switch code {
        case .exists: .exists
        case .tooManySiblings: .tooManySiblings(detail)
        case .vectorFull: .vectorFull(detail)
        case .tooLarge: .tooLarge(detail)
        case .malformed: .malformed(detail)
        case .notApplied: NotApplied(text: detail).map(RequestFailure.notApplied)
        case .unknown, .busy, .diskFull, .notReplica, .hintsFull, .stopped, .late, .voided, .superseded, .behind: nil
        }
    }

    /// The replica failed at what another may do, and at once: taken for an answer it would look fast, and draw more
    /// requests to itself. What only a write is refused for says nothing of reads, and the rest lies with the request.
    var isFailure: Bool {
        switch code {
        case .unknown, .busy, .notReplica, .stopped, .late: true
        case .diskFull, .hintsFull, .exists, .tooManySiblings, .vectorFull, .tooLarge, .malformed, .voided,
            .superseded, .behind, .notApplied:
            false
        }
    }
}
