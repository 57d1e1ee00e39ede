// The site that a node carries beside its own interface: where it listens, which paths it has, and who answers them.
// Whoever that is lies above this room, so it is a guest here.

package import Edge
package import World

/// What `atoll serve` makes a node's site of.
package struct SiteConfiguration: Sendable {
    let address: HostPort
    let listener: SiteListener
    let makeGuest: @Sendable () throws -> any SiteGuest

    package init(
        address: HostPort, listener: SiteListener, makeGuest: @escaping @Sendable () throws -> any SiteGuest
    ) {
        self.address = address
        self.listener = listener
        self.makeGuest = makeGuest
    }
}

/// Answers people's requests. All calls are on the node's first request loop, but for `stop`.
package protocol SiteGuest: AnyObject, Sendable {
    /// Once, before the first request.
    func start(_ host: SiteHost)
    /// To be answered by `host.answer`, `stream` or `upgrade` under this number.
    func handle(_ number: UInt64, _ request: SiteRequest)
    /// The client of a stream has gone.
    func gone(_ number: UInt64)
    /// The client of a stream has taken all that was written to it.
    func drained(_ number: UInt64)
    /// The nodes that are alive, this one among them, ascending.
    func living(_ nodes: [NodeID])
    var figures: SiteFigures { get }
    /// Nothing more comes; its threads are to end. On any thread.
    func stop()
}

/// Totals of a site, for metrics.
package struct SiteFigures: Sendable {
    /// What is asked for and not yet answered: by people, and of the cluster and the threads.
    package var requests = 0
    package var flows = 0
    package var streams = 0
    /// Posts that go to inboxes, or wait for it.
    package var deliveries = 0
    package var pages: UInt64 = 0
    /// What has happened, by kind: of few, in order.
    package var events: [(kind: String, count: UInt64)] = []

    package init() {}
}
