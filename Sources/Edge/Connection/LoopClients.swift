// What the clients of one event loop share: the check of their heads, the memory that they may take, the date of their
// answers, and whether the node is stopping.

package import Ring
import World

package struct LoopClients {
    let ring: RingSnapshot
    package var memory: ClientMemory
    var expected = ExpectedAnswers()
    package var isStopping = false
    private var heads: HeadCheck
    /// Of a site: as in `SiteListener`.
    private var explain: (@Sendable (Problem, RequestHead) -> HTTPResponse?)?
    private var date = HTTPDate()

    package init(ring: RingSnapshot, memory: ClientMemory = ClientMemory()) {
        self.ring = ring
        self.memory = memory
        heads = HeadCheck(OwnAddresses(ring.document))
    }

    /// Of a site.
    package init(site: SiteListener, ring: RingSnapshot, memory: ClientMemory = ClientMemory()) {
        self.ring = ring
        self.memory = memory
        heads = HeadCheck(OwnAddresses(site: site), site: site)
        explain = site.explain
    }

    mutating func check(_ head: RequestHead) throws(Problem) -> CheckedHead { try heads.check(head) }

    /// What is wrong with a request, as whoever sent it can read it.
    package func response(to problem: Problem, of head: RequestHead?) -> HTTPResponse {
        head.flatMap { explain?(problem, $0) } ?? HTTPResponse(problem)
    }

    /// For each answer: when it was made (RFC 9110, 6.6.1).
    mutating func dateLine(_ now: Now) -> [UInt8] { date.line(at: now.wall) }
}
