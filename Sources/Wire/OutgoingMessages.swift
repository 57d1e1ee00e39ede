// What one end of a connection has to say until the next flush. Merges that leave together leave as one message, and so
// do answers `stored`: most of what nodes say to each other is one of the two.

package struct OutgoingMessages: Sendable {
    /// Still to leave, as more may be taken in with them. There are only ever either of the two, so that what was said
    /// first leaves first.
    private var merges: MergeRequests?
    private var stored: StoredReplies?

    package init() {}

    /// Takes `message`. `frame` is given what leaves now, in order: what no more can be taken in with, and a message of
    /// any other kind.
    package mutating func add(_ message: PeerMessage, frame: (PeerMessage) -> Void) {
        switch message {
        case .request(let envelope):
            if merges?.add(envelope) == true { return }
            flush(frame: frame)
            merges = MergeRequests(envelope)
            if merges == nil { frame(message) }
        case .reply(let envelope):
            if stored?.add(envelope) == true { return }
            flush(frame: frame)
            stored = StoredReplies(envelope)
            if stored == nil { frame(message) }
        default:
            flush(frame: frame)
            frame(message)
        }
    }

    /// Gives `frame` what has been gathered.
    package mutating func flush(frame: (PeerMessage) -> Void) {
        if let merges = merges.take() { frame(.mergeRequests(merges)) }
        if let stored = stored.take() { frame(.storedReplies(stored)) }
    }
}
