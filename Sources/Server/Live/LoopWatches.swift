// The live reads of one event loop: whom each of them is for, and what the control loop tells of it. Only used on its
// loop.

import Live
import NIOCore
import World

final class LoopWatches: @unchecked Sendable {
    // Safe to share: all state is only touched on the loop.
    private let eventLoop: any EventLoop
    private let port: Int
    /// Nil before the node is put together.
    var control: ControlLoop?
    private var clients: [UInt64: any LiveClient] = [:]
    private var last: UInt64 = 0
    /// Have taken all that was written to them in this turn.
    private var drained: [UInt64] = []

    init(_ eventLoop: any EventLoop, port: Int) {
        self.eventLoop = eventLoop
        self.port = port
    }

    /// The live read's number; nil if the node is not there yet, or not any more.
    ///
    /// - Parameter address: whose rate it counts for; nil: nobody's.
    func begin(_ subscription: LiveSubscription, for client: any LiveClient, from address: String?) -> UInt64? {
        guard let control else { return nil }
        last += 1
        let number = LiveNumber.make(last, port: port)
        clients[number] = client
        control.subscribe(number, subscription, from: address)
        return number
    }

    func take(_ news: [LiveNews]) {
        for one in news {
            switch one {
            case .write(let number, let pieces): clients[number]?.stream(pieces, number)
            case .end(let number, let response): clients.removeValue(forKey: number)?.endStream(response, number)
            }
        }
    }

    /// The client of a live read has gone, or is to go.
    func end(_ number: UInt64) {
        if clients.removeValue(forKey: number) != nil { control?.closed(number) }
    }

    /// A client has taken what was written to it; told once a turn.
    func drained(_ number: UInt64) {
        drained.append(number)
        guard drained.count == 1 else { return }
        eventLoop.execute { [self] in
            let numbers = drained
            drained = []
            control?.drained(numbers)
        }
    }
}
