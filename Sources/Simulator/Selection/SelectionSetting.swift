// The choice of replicas, put to the test: the workload, the rules that are compared on it, and what comes of each.
//
// The workload is that of the simulations of C3 (Suresh, Canini, Schmid, Feldmann, "C3: Cutting Tail Latency in Cloud
// Data Stores via Adaptive Replica Selection", NSDI 2015, section 5): 50 servers of four slots each, with one queue,
// first come first served; three replicas; service times exponentially distributed around 4 ms or around a third of it,
// which of the two each server draws anew each 50 or 200 ms; requests that come as a Poisson process, for 70% of what
// the servers can do on an average; 0.25 ms of network each way. Every answer says what waits at the server and how
// long the service took. C3's rate control is left out, since it delays requests and does not choose; so is its uneven
// demand. Each rule sends one read in 32 to all three replicas, as Atoll does (C3 has such reads too), and they count
// within the 70%.

package import World

package struct SelectionSetting: Hashable, Sendable {
    package let clients: Int
    /// How often servers draw whether they are fast or slow.
    package let fluctuation: Span
    /// One server answers every request at once, with an error.
    package var hasFailing = false

    init(clients: Int, fluctuation: Span, hasFailing: Bool = false) {
        self.clients = clients
        self.fluctuation = fluctuation
        self.hasFailing = hasFailing
    }

    package static let all = [
        SelectionSetting(clients: 8, fluctuation: .milliseconds(50)),
        SelectionSetting(clients: 8, fluctuation: .milliseconds(200)),
        SelectionSetting(clients: 150, fluctuation: .milliseconds(50)),
        SelectionSetting(clients: 150, fluctuation: .milliseconds(200)),
        SelectionSetting(clients: 150, fluctuation: .milliseconds(200), hasFailing: true),
    ]

    package static let servers = 50
    static let slots = 4
    static let replicas = 3
    static let slowMs = 4.0
    static let fastMs = slowMs / 3
    static let utilisation = 0.7
    static let oneWay = Span.microseconds(250)
    static let oneInAsksAll = 32.0

    /// Mean time between two requests of all clients together.
    static var gap: Span {
        let perMs = Double(servers * slots) * (1 / slowMs + 1 / fastMs) / 2
        let asksPerRead = 1 + Double(replicas - 1) / oneInAsksAll
        return Span(milliseconds: asksPerRead / (utilisation * perMs))
    }
}

package enum SelectionRule: String, CaseIterable, Sendable {
    case random
    case leastOutstanding = "least outstanding"
    /// s = 1 / (i·replication delay + j·mean response time + k·distance + l·error rate), each term as it is measured.
    case means = "the formula of means"
    /// Of the paper's section 3: R̄ − T̄ + q̂³·T̄, with q̂ = 1 + outstanding · clients + q̄; averages with α = 0.9.
    case c3 = "C3's ranking"
    /// The gateway of a node, which is never woken: it ranks, and hedges nothing.
    case atoll = "Atoll"
    case atollHedged = "Atoll, with hedged reads"
    /// It knows each server's speed and queue.
    case oracle

    var chooses: ChoosesBy {
        switch self {
        case .random: .score(.random)
        case .leastOutstanding: .score(.leastOutstanding)
        case .means: .score(.means)
        case .c3: .score(.c3)
        case .oracle: .score(.oracle)
        case .atoll: .gateway(hedges: false)
        case .atollHedged: .gateway(hedges: true)
        }
    }

    enum ChoosesBy {
        case score(ScoringClient.Score)
        case gateway(hedges: Bool)
    }
}

package struct SelectionResult: Hashable, Sendable {
    /// From a read's beginning to its answer, ascending.
    let latencies: [Span]
    /// What the first server was asked, over what each server is asked on an average.
    package let shareOfFirst: Double

    /// The latency that `share` of the reads stay below.
    package func percentile(_ share: Double) -> Span {
        guard !latencies.isEmpty else { return .zero }
        return latencies[min(latencies.count - 1, Int(Double(latencies.count) * share))]
    }
}
