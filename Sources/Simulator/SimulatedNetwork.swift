// The connections of a simulated cluster, as TCP makes them: bytes in order, cut anywhere; what a cut holds back comes
// when it is healed, if nobody has given the connection up by then; what breaks takes with it all that was under way.
//
// It decides nothing by itself: the cluster asks, and schedules what comes of it.

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
    }

    subscript(isToServer: Bool) -> Stream {
        get { isToServer ? toServer : toClient }
        _modify { if isToServer { yield &toServer } else { yield &toClient } }
    }
}

struct SimulatedNetwork {
    private(set) var connections: [Connection] = []
    /// The standing connection from a node's part to another node.
    private var standing: [Link: Int] = [:]

    private struct Link: Hashable {
        let client: Int
        let port: Port
        let server: Int
    }

    subscript(number: Int) -> Connection {
        get { connections[number] }
        _modify { yield &connections[number] }
    }

    mutating func open(_ connection: Connection) -> Int {
        connections.append(connection)
        standing[Link(client: connection.client, port: connection.port, server: connection.server)] =
            connections.count - 1
        return connections.count - 1
    }

    func standing(from client: Int, _ port: Port, to server: Int) -> Int? {
        standing[Link(client: client, port: port, server: server)]
    }

    /// Ends it for both sides. Returns the asks that are lost with it, ascending.
    mutating func breakOff(_ number: Int) -> [UInt64] {
        guard !connections[number].isBroken else { return [] }
        connections[number].isBroken = true
        let connection = connections[number]
        let link = Link(client: connection.client, port: connection.port, server: connection.server)
        if standing[link] == number { standing[link] = nil }
        connections[number].toServer = Connection.Stream()
        connections[number].toClient = Connection.Stream()
        return connection.asked.sorted()
    }

    /// Those that stand, ascending, of which `isAffected` is true.
    func standing(where isAffected: (Connection) -> Bool) -> [Int] {
        standing.values.filter { isAffected(connections[$0]) }.sorted()
    }

    /// The frame of a message, as it travels.
    static func frame(_ message: PeerMessage) -> [UInt8] {
        let payload = message.encode()
        let prefix = Frames.prefix(for: payload.count)
        return withUnsafeBytes(of: prefix.bigEndian) { Array($0) } + payload
    }
}
