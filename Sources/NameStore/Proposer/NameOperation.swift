// What a client may ask of a name, what an operator may ask of the configuration, and the answers.

/// One request on one name. Owners are digests: tokens stay at the edge.
package enum NameOperation: Equatable, Sendable {
    /// Take the name if it is free. Of all requests of one owner only `request` hears that it made the registration.
    /// `expected`: only if the name's generation is this one (0: never registered).
    case register(owner: OwnerDigest, request: RequestID, expected: UInt64? = nil)
    case read
    /// Give it up. `expected`: only in this generation.
    case release(owner: OwnerDigest, expected: UInt64? = nil)
    case transfer(from: OwnerDigest, to: OwnerDigest, expected: UInt64? = nil)
    /// Choose again what stands: the rescan of a reconfiguration.
    case pin
}

/// One request on the configuration register.
package enum ConfigurationOperation: Equatable, Sendable {
    case read
    /// From one set to both.
    case begin(from: Configuration, to: [AcceptorID])
    /// From both sets to the second.
    case finish(Configuration)
    /// Ring document `number`, whose digest (32 bytes) this is, follows number − 1.
    case commitRing(number: UInt64, digest: [UInt8])
}

enum RegisterOperation: Equatable, Sendable {
    case name(NameOperation)
    case configuration(ConfigurationOperation)
}

/// The answer to a request. Generations let a client act on exactly what it saw.
package enum NameAnswer: Equatable, Sendable {
    /// Registered by this request.
    case registered(generation: UInt64)
    /// Registered by another request of the same owner, or given to it.
    case alreadyYours(generation: UInt64)
    case taken(generation: UInt64)
    /// Of a read.
    case held(generation: UInt64, owner: OwnerDigest)
    /// Of a release: done. Of a read: it was released.
    case released(generation: UInt64)
    case transferred(generation: UInt64)
    /// Nothing is registered.
    case absent
    /// Held by another owner.
    case forbidden(generation: UInt64)
    /// The expected generation is not the current one.
    case stale(generation: UInt64)
    /// No majority answered in time. If `mayTakeEffect`, a proposal had left: retrying with the same token tells.
    case unknown(mayTakeEffect: Bool)
    /// Refused before anything was done.
    case overloaded
    case configuration(ConfigurationState)
    /// Somebody else's configuration or ring document stands there.
    case conflict(ConfigurationState)
    case pinned
}
