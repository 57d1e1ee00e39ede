// The connections of a simulated cluster, as TCP makes them: bytes in order, cut anywhere; what a cut holds back comes
// when it is healed, if nobody has given the connection up by then; what breaks takes with it all that was under way.
//
// It decides nothing by itself: the cluster asks, and schedules what comes of it. What leaves on a connection at one
// time leaves together, as a server's connections have it (PeerFraming).

import Wire
import World

struct Connection {
    /// The node that connected, with its part, and in which of its lives.
    let client: Int
    let port: Port
    let clientLife: UInt64
    /// The node that accepted, on which of its loops.
    let server: Int
    let loop: Int
    let serverLife: UInt64
    var isBroken = false
    /// What was under way to the server when it broke still comes there; nobody hears the answers.
    var isHeardOut = false
    /// Asks without an answer yet: lost with the connection.
    var asked: Set<UInt64> = []
    var toServer = Stream()
    var toClient = Stream()

    /// One direction.
    struct Stream {
        var decoder = FrameDecoder(limit: Limits.frameBytes)
        /// When the last bytes arrive: later ones do so after them.
        var lastArrival = Instant.origin
        /// Sent into a cut, in order.
        var held: [[UInt8]] = []
        private var outgoing = OutgoingMessages()
        /// Leave with the next flush.
        private var frames = FrameBytes()

        mutating func put(_ message: PeerMessage, _ ledger: PlayLedger) {
            outgoing.add(message) { frames.add($0, ledger) }
        }

        mutating func takeOutgoing(_ ledger: PlayLedger) -> [UInt8] {
            outgoing.flush { frames.add($0, ledger) }
            if frames.count > 1 { ledger.add(.severalFramesAtOnce) }
            defer { frames = FrameBytes() }
            return frames.bytes
        }
    }

    private struct FrameBytes {
        var bytes: [UInt8] = []
        var count = 0

        mutating func add(_ message: PeerMessage, _ ledger: PlayLedger) {
            ledger.add(message.played)
            let payload = message.encode()
            withUnsafeBytes(of: Frames.prefix(for: payload.count).bigEndian) { bytes.append(contentsOf: $0) }
            bytes += payload
            count += 1
        }
    }

    subscript(isToServer: Bool) -> Stream {
        _read { if isToServer { yield toServer } else { yield toClient } }
        _modify { if isToServer { yield &toServer } else { yield &toClient } }
    }
}

/// Which way something goes.
struct ConnectionEnd: Hashable {
    let connection: Int
    let isToServer: Bool
}

struct SimulatedNetwork {
    private(set) var connections: [Connection] = []
    /// The standing connection from each node's parts to each other node, by `place`.
    private var standing: [Int?]
    private let nodes: Int
    private let ports: Int

    /// Of so many nodes, with so many request loops each.
    init(nodes: Int, loops: Int) {
        self.nodes = nodes
        ports = loops + 2
        standing = Array(repeating: nil, count: nodes * ports * nodes)
    }

    private func place(_ client: Int, _ port: Port, _ server: Int) -> Int {
        let part =
            switch port {
            case .loop(let loop): loop
            case .control: ports - 2
            case .bulk: ports - 1
            }
        return (client * ports + part) * nodes + server
    }

    subscript(number: Int) -> Connection {
        _read { yield connections[number] }
        _modify { yield &connections[number] }
    }

    mutating func open(_ connection: Connection) -> Int {
        connections.append(connection)
        standing[place(connection.client, connection.port, connection.server)] = connections.count - 1
        return connections.count - 1
    }

    func standing(from client: Int, _ port: Port, to server: Int) -> Int? {
        standing[place(client, port, server)]
    }

    /// Ends it for both sides. Returns the asks that are lost with it, ascending. `isHeardOut`: the server hears what
    /// is under way to it.
    mutating func breakOff(_ number: Int, isHeardOut: Bool = false) -> [UInt64] {
        guard !connections[number].isBroken else { return [] }
        connections[number].isBroken = true
        let connection = connections[number]
        let place = place(connection.client, connection.port, connection.server)
        if standing[place] == number { standing[place] = nil }
        connections[number].isHeardOut = isHeardOut
        if !isHeardOut { connections[number].toServer = Connection.Stream() }
        connections[number].toClient = Connection.Stream()
        return connection.asked.sorted()
    }

    /// Those that stand, ascending, of which `isAffected` is true.
    func standing(where isAffected: (Connection) -> Bool) -> [Int] {
        standing.compactMap { $0 }.filter { isAffected(connections[$0]) }.sorted()
    }
}
