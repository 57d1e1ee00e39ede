// What a load run does: the mix of reads and writes, of which keys, how many at once.

import ArgumentParser
import World

enum LoadOperation: Int, CaseIterable, Sendable {
    case get, put

    var name: String { self == .get ? "get" : "put" }
}

/// The mixes of YCSB (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010) and the two pure ones.
enum BenchWorkload: String, CaseIterable, ExpressibleByArgument, Sendable {
    case get, put, a, b, c
    /// Registers names, each once. etcd is asked for a transaction that creates a key if it is absent.
    case register
    /// Lists the newest 20 of 100 items. Loading writes the items: key number n is item n mod 100 of list n / 100.
    case list
    /// Changes of typed keys: raises a counter, inserts a value at the beginning of a text, adds a value to a set.
    case increment, insert, add
    /// On a site: posts texts, each under a title of its own; and asks for one path again and again, as of any server.
    case post, page

    static let itemsPerList = 100
    static let listed = 20

    /// Of each key there can be one request.
    var takesKeysOnce: Bool { self == .register || self == .post }

    var readShare: Double {
        switch self {
        case .get, .c, .list, .page: 1
        case .put, .register, .increment, .insert, .add, .post: 0
        case .a: 0.5
        case .b: 0.95
        }
    }

    func next(_ random: inout SeededRandom) -> LoadOperation {
        switch readShare {
        case 1: .get
        case 0: .put
        default: random.chance(readShare) ? .get : .put
        }
    }
}

enum KeyDistribution: String, CaseIterable, ExpressibleByArgument, Sendable {
    case uniform, zipfian

    func choice(of count: Int) -> KeyChoice {
        switch self {
        case .uniform: .uniform(count: count)
        case .zipfian: .zipfian(Zipfian(count: count))
        }
    }
}

/// Whose requests are sent. The peers are there so that one generator measures all of them alike.
enum LoadTarget: String, CaseIterable, ExpressibleByArgument, Sendable {
    case atoll
    /// Any HTTP server, asked for the same paths.
    case bare
    /// etcd's JSON gateway (v3): POST with keys and values in base64.
    case etcd
}

/// Everything that a run needs to know. Times in nanoseconds.
struct LoadPlan: Sendable {
    enum Arrival: Equatable, Sendable {
        /// Each connection sends its next request when the answer came.
        case closed
        /// Requests are due at a fixed rate (per second), whatever the answers do.
        case open(rate: Double)
    }

    enum Extent: Equatable, Sendable {
        case duration(UInt64)
        case requests(Int)
    }

    var urls: [NodeURL]
    var target = LoadTarget.atoll
    var workload = BenchWorkload.get
    var distribution = KeyDistribution.uniform
    var arrival = Arrival.closed
    var extent = Extent.duration(10_000_000_000)
    var warmUp: UInt64 = 0
    var connections = 64
    var threads = 1
    var bucket = "bench"
    var keys = 10_000
    var keyBytes = 16
    var valueBytes = 100
    var readLevel: String?
    var writeLevel: String?
    /// Of `page`.
    var path = "/"
    /// Lines that `post` and `page` bear.
    var headers: [String] = []
    var seed: UInt64 = 1
    /// A connection that keeps a request waiting for longer is closed.
    var timeout: UInt64 = 10_000_000_000
}
