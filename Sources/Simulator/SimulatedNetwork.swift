// The connections of a simulated cluster, as TCP makes them: bytes in order, cut anywhere; what a cut holds back comes
// when it is healed, if nobody has given the connection up by then; what breaks takes with it all that was under way.
//
// It decides nothing by itself: the cluster asks, and schedules what comes of it. What leaves on a connection at one
// time leaves together, as a server's connections have it (PeerFraming).

import Node
import Wire
import World

/// From a node, with the part of it whose link it is, to another.
struct LinkPlace: Hashable {
    let client: Int
    let port: Port
    let server: Int
}

/// A node's own end of its connections to a peer, for one of its parts, one connection after the other.
struct Link {
    var state: PeerLinkState
    /// From the moment that the peer's machine has accepted it until it is no more.
    fileprivate(set) var connection: Int?
    /// Pauses that have begun or ended so far: the end of an earlier one is void.
    private(set) var pauses = 0

    init(state: PeerLinkState) { self.state = state }

    mutating func turnPause() -> Int {
        pauses += 1
        return pauses
    }
}

final class Connection {
    let link: LinkPlace
    let clientLife: UInt64
    /// On which of its loops, and in which of its lives, the server has it.
    let loop: Int
    let serverLife: UInt64
    /// What the server makes of it.
    var accepted: PeerServerState
    var isBroken = false
    /// What was under way to the server when it broke still comes there; nobody hears the answers.
    var isHeardOut = false
    var toServer = Stream()
    var toClient = Stream()

    init(link: LinkPlace, clientLife: UInt64, loop: Int, serverLife: UInt64, accepted: PeerServerState) {
        self.link = link
        self.clientLife = clientLife
        self.loop = loop
        self.serverLife = serverLife
        self.accepted = accepted
    }

    var client: Int { link.client }
    var server: Int { link.server }

    /// One direction.
    struct Stream {
        /// More is taken once it is known who sends it.
        var decoder = FrameDecoder(limit: Limits.handshakeBytes)
        /// When the last bytes arrive: later ones do so after them.
        var lastArrival = Instant.origin
        /// Sent into a cut, in order.
        var held: [[UInt8]] = []
        private var outgoing = OutgoingMessages()
        /// Leave with the next flush.
        private var frames = FrameBytes()

        /// What leaves from now on arrives no earlier than `instant`.
        mutating func delay(until instant: Instant) { lastArrival = max(lastArrival, instant) }

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
    private var connections: [Connection] = []
    /// By `index`; nil where the node does not run.
    private var links: [Link?]
    private let nodes: Int
    private let ports: Int
    /// Half a round trip at its least, from each node to each, ms.
    private let ways: [Int64]

    /// `countries`: of each node. With so many request loops each.
    init(countries: [String], loops: Int) {
        nodes = countries.count
        ports = loops + 2
        links = Array(repeating: nil, count: nodes * ports * nodes)
        ways = countries.flatMap { from in countries.map { SimulatedNetwork.way(from, $0) } }
    }

    private static func way(_ from: String, _ to: String) -> Int64 {
        switch (from, to) {
        case ("de", "us"), ("us", "de"): 45
        case ("de", "jp"), ("jp", "de"): 110
        case ("jp", "us"), ("us", "jp"): 75
        default: 1
        }
    }

    func way(_ from: Int, _ to: Int) -> Int64 { ways[from * nodes + to] }

    private func index(_ place: LinkPlace) -> Int {
        let part =
            switch place.port {
            case .loop(let loop): loop
            case .control: ports - 2
            case .bulk: ports - 1
            }
        return (place.client * ports + part) * nodes + place.server
    }

    subscript(number: Int) -> Connection {
        _read { yield connections[number] }
        _modify { yield &connections[number] }
    }

    subscript(place: LinkPlace) -> Link? {
        _read { yield links[index(place)] }
        _modify { yield &links[index(place)] }
    }

    /// The peer's machine has accepted it.
    mutating func accept(_ connection: Connection) -> Int {
        connections.append(connection)
        links[index(connection.link)]?.connection = connections.count - 1
        return connections.count - 1
    }

    /// On which this link may send requests.
    func open(_ place: LinkPlace) -> Int? {
        let index = index(place)
        return links[index]?.state.isOpen == true ? links[index]?.connection : nil
    }

    /// Ends it for the client. `isHeardOut`: the server hears what is under way to it.
    mutating func breakOff(_ number: Int, isHeardOut: Bool) {
        let place = index(connections[number].link)
        if links[place]?.connection == number { links[place]?.connection = nil }
        connections[number].isBroken = true
        connections[number].isHeardOut = isHeardOut
        if !isHeardOut { connections[number].toServer = Connection.Stream() }
        connections[number].toClient = Connection.Stream()
    }

    /// Those that stand, ascending, of which `isAffected` is true.
    func standing(where isAffected: (Connection) -> Bool) -> [Int] {
        links.compactMap { $0?.connection }.filter { isAffected(connections[$0]) }.sorted()
    }

    /// The node ends, and with it its links.
    mutating func removeLinks(of node: Int) {
        for number in standing(where: { $0.client == node }) { breakOff(number, isHeardOut: false) }
        for place in node * ports * nodes..<(node + 1) * ports * nodes { links[place] = nil }
    }
}
