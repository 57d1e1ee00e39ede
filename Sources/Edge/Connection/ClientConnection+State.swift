// What a client's connection is in the middle of.

import World

extension ClientConnection {
    enum Part {
        case head(RequestHead)
        case body([UInt8])
        case end
    }

    enum State {
        case idle
        case reading(IncomingRequest)
        case answering(IncomingRequest)
        case sending(Leaving)
        /// Events leave for as long as the client listens.
        case streaming(Streaming)
        /// The answer that says why nothing more is taken from this client is still to be made.
        case refusing(Boxed<OutgoingAnswer>)
        case closing
    }

    /// An answer on its way.
    struct Leaving {
        /// What it takes of the loop's memory.
        enum Weight {
            /// Too little to be counted.
            case small
            case counted(Int)

            var bytes: Int { if case .counted(let bytes) = self { bytes } else { 0 } }
        }

        enum Rest {
            case pieces(Boxed<OutgoingAnswer>, thisTurn: Int)
            /// All of it is written; it is counted, and has not left.
            case lastPiece
        }

        var rest: Rest
        let isKeptAlive: Bool
        let weight: Weight
        /// Its number among those that did not leave at once.
        var late: UInt64?
    }

    /// What follows on all that waits.
    enum Following {
        case more
        /// The client has said that it sends nothing more.
        case nothing
        /// It was refused; said when the answers to what waits have left.
        case refused(Problem)
    }

    /// An answer that has no end.
    struct Streaming {
        let isChunked: Bool
        /// What the block that has not left takes of the loop's memory, and its number among what waits to be read;
        /// nil where it is too small to be counted, or nothing is on its way.
        var block: (bytes: Int, late: UInt64)?

        /// - Parameter isReleased: the room is another's already.
        func giveBack(isReleased: Bool = false, _ memory: inout ClientMemory) {
            guard let block else { return }
            memory.ended(block.late)
            if !isReleased { memory.release(block.bytes) }
        }
    }
}
