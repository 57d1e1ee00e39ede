// The social layer of one node as a value: people's requests come in, and what the cluster, the namestore and the
// threads for slow work have to say; asks to them and answers go out.

package import Edge
package import Gateway
package import JSON
package import Keys
package import Live
package import NameStore
package import Ring
package import World

package struct FetchJob: Sendable {}
package struct FetchOutcome: Sendable {
    package init() {}
}

package struct SocialCore {
    package enum Input {
        /// A person's request, under the shell's number, which the answer bears.
        case request(UInt64, SiteRequest)
        /// The client of a stream has gone.
        case gone(UInt64)
        /// It has taken all that was written to it.
        case drained(UInt64)
        case data(UInt64, ClientOutcome)
        case named(UInt64, NameAnswer)
        case hashed(UInt64, HashResult)
        /// Safe HTML; nil: too much was asked at once.
        case rendered(UInt64, [UInt8]?)
        case fetched(UInt64, FetchOutcome)
        case live(UInt64, LiveInput)
        /// The nodes of the cluster that are alive.
        case living([NodeID])
        /// It is the time that a `wakeAt` named.
        case wake(Instant)
    }

    package enum LiveInput {
        /// Pieces of a text of Server-Sent Events.
        case bytes([ArraySlice<UInt8>])
        /// No more come.
        case ended
    }

    package enum Effect {
        case data(UInt64, ClientRequest)
        case name(UInt64, NameOperation, Name, timeout: Span)
        case hash(UInt64, HashJob)
        case render(UInt64, RenderJob)
        case fetch(UInt64, FetchJob)
        /// Followed by `live` inputs of the same number until `unsubscribe`.
        case subscribe(UInt64, LiveSubscription)
        case unsubscribe(UInt64)
        /// What was written to this live read is worked off: more may come.
        case taken(UInt64)
        case answer(UInt64, SiteAnswer)
        /// Events for a client, of which the first begin its answer.
        case stream(UInt64, [ArraySlice<UInt8>])
        case endStream(UInt64)
        /// The client's connection becomes a WebSocket that may watch and change this key, and nothing else.
        case upgrade(UInt64, StoredKey)
        /// Earlier than the last time that was named, or the first.
        case wakeAt(Instant)
    }

    package internal(set) var figures = SocialFigures()

    package init(identity: NodeID, ring: RingDocument, settings: SocialSettings) {}

    package mutating func start(_ now: Now, _ out: inout Outbox<Effect>) {}

    package mutating func handle(_ input: Input, _ now: Now, _ out: inout Outbox<Effect>) {
        guard case .request(let number, let request) = input else { return }
        guard request.route !== SiteRoutes.other else {
            let problem = Problem(404, "not-found", "Nothing is there")
            return out.emit(.answer(number, .response(HTTPResponse(problem))))
        }
        out.emit(.answer(number, .response(.text("here is a site, for \(request.address)\n"))))
    }

    package var flowsInFlight: Int { 0 }
}

package enum SiteRoutes {
    package static func listener(_ ring: RingDocument, at address: HostPort) -> SiteListener {
        SiteListener(
            [
                Route(site: "/", "home", [.get, .head]),
                Route(site: "/v1/posts", "posts", [.post], bodyBytes: Limits.sitePostBytes),
                Route(site: "/-/login", "login", [.get, .post], bodyBytes: Limits.siteFormBytes),
            ], other: other, ring: ring, address: address)
    }

    static let other = Route(site: "*", "none", [.get, .head, .post, .put, .delete, .patch])
}

/// What keeps a password from being tried by the million: scrypt, on a thread of its own.
package enum HashJob: Sendable {
    case make(password: [UInt8], salt: [UInt8])
    /// Against a PHC string.
    case check(password: [UInt8], phc: String)
}

package enum HashResult: Sendable {
    /// A PHC string.
    case made(String)
    /// `isWeaker`: than one that would be made today.
    case checked(Bool, isWeaker: Bool)
    case overloaded
}

/// What is made into safe HTML on a thread of its own.
package enum RenderJob: Sendable {
    case markdown([UInt8])
    case feedHTML([UInt8])
}

package enum SiteAnswer: Sendable {
    case response(HTTPResponse)
    case page(Page, status: UInt, headers: [(String, String)])
}

/// A page before it is HTML: the name of a template, and what that shows.
package struct Page: Sendable {
    package let name: String
    package let values: JSONValue

    package init(_ name: String, _ values: JSONValue) {
        self.name = name
        self.values = values
    }
}

/// Totals, for metrics.
package struct SocialFigures: Sendable {
    package var registrations: UInt64 = 0
    package var posts: UInt64 = 0
    package var provisionalPosts: UInt64 = 0
    /// Written to inboxes.
    package var pointers: UInt64 = 0
    /// Intents of others that this node finished.
    package var finished: UInt64 = 0
    package var polls: UInt64 = 0
    package var failedPolls: UInt64 = 0

    package init() {}
}
