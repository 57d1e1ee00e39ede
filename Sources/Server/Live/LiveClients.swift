// Live reads on the control loop: where clients' connections of all loops come together, and other nodes' messages.

import DataTypes
import Edge
import Live
import NIOCore
import Node
import Wire
import World

/// What a loop is to do for a client that it has.
enum LiveNews: Sendable {
    case write(UInt64, [ArraySlice<UInt8>])
    /// Nothing follows. Where nothing was written yet, this is the answer; nil: the client is cut off.
    case end(UInt64, HTTPResponse?)
}

/// A client's number in a node: that of its loop, of which there are fewer than 2¹⁶, stands below.
enum LiveNumber {
    static func make(_ count: UInt64, port: Int) -> UInt64 { count << 16 | UInt64(port) }
    static func port(_ number: UInt64) -> Int { Int(UInt16(truncatingIfNeeded: number)) }
}

extension ControlLoop {
    /// A message of live reads. What cannot be read changes nothing.
    func live(_ bytes: [UInt8], from node: NodeID) {
        guard let message = try? LiveMessage(decoding: bytes) else {
            return eventLoop.execute { [self] in rejectedLive += 1 }
        }
        eventLoop.execute { [self] in hear(.live(.message(message, from: node))) }
    }

    // MARK: Of the loops' clients

    /// - Parameter address: whose rate it counts for; nil: nobody's.
    func subscribe(_ client: UInt64, _ subscription: LiveSubscription, from address: String?) {
        eventLoop.execute { [self] in
            if isStopped {
                tell(.end(client, HTTPResponse(Problem.stopping)), client)
            } else if let address, let wait = watchGate.admit(address, now: MachineClock.instant()) {
                tell(.end(client, LiveResponses.tooMany(wait)), client)
            } else {
                return hear(.live(.subscribe(client, subscription)))
            }
            handOutNews()
        }
    }

    func drained(_ clients: [UInt64]) {
        eventLoop.execute { [self] in if !isStopped { hear(.live(.drained(clients))) } }
    }

    func closed(_ client: UInt64) {
        eventLoop.execute { [self] in if !isStopped { hear(.live(.closed(client))) } }
    }

    func say(_ client: UInt64, _ from: Writer, _ data: [UInt8]) {
        eventLoop.execute { [self] in if !isStopped { hear(.live(.say(client, from, data))) } }
    }

    // MARK: What goes out

    func carryOut(_ effect: LiveDesk.Effect) {
        switch effect {
        case .send(let message, let node): if send(.live(message.encode()), to: node) { scheduleFlush() }
        case .write(let client, let pieces): tell(.write(client, pieces), client)
        case .end(let client, let reason): tell(.end(client, LiveResponses.response(to: reason)), client)
        case .told(let delays): for delay in delays { liveDelays.observe(delay) }
        }
    }

    private func tell(_ news: LiveNews, _ client: UInt64) {
        let port = LiveNumber.port(client)
        guard requestLoops.indices.contains(port) else { return }
        if liveNews.isEmpty { liveNews = Array(repeating: [], count: requestLoops.count) }
        liveNews[port].append(news)
    }

    /// One hop to each loop, however many clients it has.
    func handOutNews() {
        guard !liveNews.isEmpty else { return }
        let news = liveNews
        liveNews = []
        for (loop, news) in zip(requestLoops, news) where !news.isEmpty { loop.deliver(news) }
    }
}
