// What is to be done for a request, once all that it says has been understood and found right.

package import Keys
package import Gateway
package import Live
package import NameStore
import Ring
package import World

package enum Call: Sendable {
    /// To be answered through the gateway.
    case data(ClientRequest, DataAnswer)
    /// To be answered from what this very node stores.
    case ownReplica(StoredKey, accept: String?)
    case name(NameOperation, Name, timeout: Span)
    case namestore(NamestoreCall)
    case node(NodeQuestion)
    /// Events, until the client goes.
    case live(LiveSubscription)
    /// The connection is a WebSocket from here on.
    case upgrade(SocketUpgrade)
    /// For the site to answer.
    case site(SiteRequest)
    /// Nothing: this is the answer.
    case respond(HTTPResponse)
}

/// What operators ask a node about itself.
package enum NodeQuestion: Sendable {
    case ring, table, readiness, metrics
}

/// A request as far as it has arrived. A class, as it is handed from state to state with all its parts.
package final class IncomingRequest {
    package let head: RequestHead
    let target: RequestTarget
    /// As in `CheckedHead`.
    let otherOrigin: String?
    let host: Authority?
    /// The most bytes its body may have.
    let limit: Int
    /// Of the key's bucket, where the path names a key.
    let type: BucketType
    var body: [UInt8] = []
    /// What the body takes of the loop's memory, for whoever has the request to give back.
    var heldBytes = 0

    init(
        _ head: RequestHead, _ target: RequestTarget, in ring: RingSnapshot, otherOrigin: String? = nil,
        host: Authority? = nil
    ) {
        self.head = head
        self.otherOrigin = otherOrigin
        self.host = host
        self.target = target
        let properties = target.key.map { ring.properties(ofBucket: $0.bucket) }
        type = properties?.type ?? .opaque
        // Only a write of an item has use for a body.
        switch (head.method, target.route.subject) {
        case (.put, .value): limit = properties?.maxValueBytes ?? Limits.otherBodyBytes
        case (.patch, .value): limit = Limits.requestOperationBytes
        case (_, .site(let bodyBytes)): limit = bodyBytes
        default: limit = Limits.otherBodyBytes
        }
    }

    var tooLarge: Problem {
        if head.method == .put, target.route.subject == .value {
            return .tooLarge("the bucket takes values of up to \(limit) bytes")
        }
        return .tooLarge("this call takes \(limit) bytes at most")
    }

    /// What it asks for.
    func call(_ surroundings: Surroundings) throws(Problem) -> Call {
        let route = target.route
        guard route.methods.contains(head.method) else { throw .methodNotAllowed(route.allowed) }
        return try route.call(self, surroundings)
    }
}
