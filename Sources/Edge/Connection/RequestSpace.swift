// What a request holds of its loop's memory once it has come whole, and until when.

package import Gateway
package import World

/// Taken by `LoopClients.begin`, given back by `LoopClients.end`.
package struct RequestSpace: Sendable {
    fileprivate let bytes: Int
}

extension LoopClients {
    /// What is to be done for a request that has come whole; what is wrong with it is an answer too. The room is for
    /// those of the gateway, until their outcome is there: others hold none.
    ///
    /// Only a write has use for its body, and needs it until it is answered, with or without its client. What has an
    /// answer of some size keeps the room that it will probably take.
    package mutating func begin(
        _ request: IncomingRequest, _ surroundings: Surroundings, _ now: Instant
    ) -> (call: Call, room: RequestSpace) {
        let call: Call
        do throws(Problem) { call = try request.call(surroundings) } catch {
            call = .respond(response(to: error, of: request.head))
        }
        // What a site makes of a body is its own: it has the room until it answers.
        if case .site = call { return (call, RequestSpace(bytes: request.heldBytes)) }
        guard case .data(let operation, let answer) = call else {
            memory.release(request.heldBytes)
            return (call, RequestSpace(bytes: 0))
        }
        let expected = expected.bytes(of: answer)
        guard memory.reserve(expected, now) else {
            memory.release(request.heldBytes)
            return (.respond(HTTPResponse(Problem.overloaded)), RequestSpace(bytes: 0))
        }
        if operation.operation.isWrite { return (call, RequestSpace(bytes: request.heldBytes + expected)) }
        memory.release(request.heldBytes)
        return (call, RequestSpace(bytes: expected))
    }

    /// The outcome of a request of the gateway is there.
    package mutating func end(_ room: RequestSpace, _ outcome: ClientOutcome) {
        end(room)
        expected.observe(outcome)
    }

    /// A site has answered.
    package mutating func end(_ room: RequestSpace) { memory.release(room.bytes) }
}
