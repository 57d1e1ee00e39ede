// The dials of gossip, each with the reason for its default.

package import World

/// How often and how widely a node gossips, and when it gives another one up.
package struct GossipConfiguration: Hashable, Sendable {
    /// The time between two ticks. All nodes of a cluster should have the same: the failure detector starts from it.
    package var interval: Span = .milliseconds(300)
    /// Live peers addressed in each tick. One suffices for convergence in O(log n) rounds; three keep heartbeats coming
    /// when half of all messages are lost, and cost a cluster of 100 about 100 kB/s a node.
    package var fanOut: Int = 3
    /// No message is longer than this. `Limits.gossipBytes` over streams, `Limits.gossipDatagramBytes` for datagrams.
    var messageBytes: Int = Limits.gossipBytes
    /// Changes of single keys in one message, at most, beside the limit in bytes.
    var deltasPerMessage: Int = .max
    /// Suspicion at which a node counts as dead: one false alarm in 10^8 heartbeats, if they came as a Poisson process.
    var deathPhi: Double = 8
    /// Suspicion at which a node is shown as suspect: slow enough to be avoided, not yet given up.
    var suspicionPhi: Double = 3
    /// Heartbeat intervals that the detector's mean looks back on: half a minute at the default interval.
    var sampleWindow: Int = 100
    /// How long the mark of a deleted key is kept. A node away for longer gets the owner's whole state anew.
    var tombstoneGrace: Span = .hours(1)
    /// How long the keys of a dead node are kept; in the second half of it they are no longer told to others.
    var forgetDeadAfter: Span = .hours(24)

    package init() {}

    /// The same with every dial inside the range where the protocol works: values come from files.
    func bounded() -> GossipConfiguration {
        var c = self
        c.interval = min(max(interval, .milliseconds(1)), .minutes(1))
        c.fanOut = min(max(fanOut, 1), Limits.gossipFanOut)
        c.messageBytes = min(max(messageBytes, Limits.gossipSmallestBytes), Limits.gossipBytes)
        c.deltasPerMessage = max(deltasPerMessage, 1)
        c.deathPhi = deathPhi >= 1 ? min(deathPhi, 100) : 1
        c.suspicionPhi = suspicionPhi >= 0 ? min(suspicionPhi, c.deathPhi) : 0
        c.sampleWindow = min(max(sampleWindow, 4), 10_000)
        c.tombstoneGrace = min(max(tombstoneGrace, .zero), .hours(24 * 365))
        c.forgetDeadAfter = min(max(forgetDeadAfter, .zero), .hours(24 * 365))
        return c
    }
}
