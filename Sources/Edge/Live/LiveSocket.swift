// One client's WebSocket as a value (docs/LIVE.md): it hears the messages that came, what the watches of its node tell,
// and what has become of requests, and says what is to be done. `Server` carries it on a channel.
//
// Picture: each watch is a subscription of its own, with a serial number that is never used twice; the client's number
// for it may be. A watch of a typed key takes requests, one at a time; what they do is shown by its events.

package import DataTypes
package import Gateway
import JSON
package import Keys
package import Live
import Ring
package import World

package struct LiveSocket: Sendable {
    package enum Input: Sendable {
        /// The bytes of a whole text message.
        case text([UInt8])
        /// Events for the subscription of this serial number, as they are written to a stream of them.
        case events(Int, [ArraySlice<UInt8>])
        /// Nothing follows of this subscription; nil: its client takes nothing.
        case ended(Int, HTTPResponse?)
        /// Of the request on the watch of this serial number.
        case outcome(Int, ClientOutcome)
        /// A text of so many bytes has left.
        case left(Int)
        /// The channel is gone.
        case closed
    }

    package enum Effect: Sendable {
        case subscribe(Int, LiveSubscription)
        case unsubscribe(Int)
        /// To be answered by `outcome`.
        case request(Int, ClientRequest)
        /// To all others who look at the key of this subscription: JSON of one line.
        case say(Int, from: Writer, data: [UInt8])
        /// A text message; call `left` when it has.
        case send([UInt8])
        case close(CloseCode, String)
    }

    /// RFC 6455, 7.4.1.
    package enum CloseCode: UInt16, Sendable {
        case goingAway = 1001
        case protocolError = 1002
        case unsupportedData = 1003
        case invalidText = 1007
        case policy = 1008
        case tooLarge = 1009
        case tryAgainLater = 1013
    }

    struct Watch: Sendable {
        /// The client's.
        let number: Int
        let serial: Int
        /// Nil of a range.
        let key: StoredKey?
    }

    struct Request: Sendable {
        let serial: Int
        let number: UInt64
        let heldBytes: Int
    }

    var writer: Writer?
    var watches: [Watch] = []
    /// At most one for each serial number; some may be of watches that were given up.
    var requests: [Request] = []
    /// Texts that have not left, and what they hold.
    var unsentBytes = 0
    private var lastSerial = 0
    private var said = SayRate()
    private var isOver = false

    /// Of its page, where that is not ours: what it looks at must be in buckets that name it.
    private let origin: String?
    /// The one key that it may watch and change: a site has let it in for this. Nil: any but the site's.
    private let only: StoredKey?

    package init(origin: String? = nil, only: StoredKey? = nil) {
        self.origin = origin
        self.only = only
    }

    package mutating func handle(
        _ input: Input, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Effect>
    ) {
        switch input {
        case .text(let bytes):
            guard !isOver else { return }
            do throws(Problem) { try hear(try SocketMessage(decoding: bytes), &clients, now, &out) } catch {
                // Whoever speaks another language is not understood any better after the next message.
                send(SocketText.problem(error), &clients, now, &out)
                close(.policy, error.name, &out)
            }
        case .events(let serial, let pieces):
            guard !isOver, let watch = watch(serial) else { return }
            for text in SocketText.events(pieces, watch: watch.number) { send(text, &clients, now, &out) }
        case .ended(let serial, let response):
            guard !isOver, let watch = watch(serial) else { return }
            watches.removeAll { $0.serial == serial }
            guard let response else { return close(.policy, "nothing is read", &out) }
            send(SocketText.refused(watch: watch.number, response.body.bytes), &clients, now, &out)
        case .outcome(let serial, let outcome): finish(serial, outcome, &clients, now, &out)
        case .left(let bytes):
            unsentBytes -= bytes
            clients.memory.release(bytes)
        case .closed:
            isOver = true
            clients.memory.release(unsentBytes)
            unsentBytes = 0
            for watch in watches { out.emit(.unsubscribe(watch.serial)) }
            watches = []
        }
    }

    // MARK: What the client says

    private mutating func hear(
        _ message: SocketMessage, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Effect>
    ) throws(Problem) {
        if case .hello(let writer) = message {
            guard self.writer == nil else { throw .malformed("hello is said once") }
            self.writer = writer
            return
        }
        guard let writer else { throw .malformed("the first message is hello") }
        switch message {
        case .hello: break
        case .watch(let number, let key, let since, let form):
            let answer = subscribe(number, key, since, form, clients.ring, &out)
            if let answer { send(SocketText.refused(watch: number, answer.body), &clients, now, &out) }
        case .unwatch(let number):
            guard let place = watches.firstIndex(where: { $0.number == number }) else { return }
            out.emit(.unsubscribe(watches.remove(at: place).serial))
        case .operate(let number, let operation):
            let refusal = begin(operation, on: number, writer, &clients, now, &out)
            guard let refusal else { return }
            send(SocketText.failed(operation.number, watch: number, refusal), &clients, now, &out)
        case .say(let number, let data):
            guard data.count <= Limits.saidBytes else {
                throw .tooLarge("what is said has \(Limits.saidBytes) bytes at most")
            }
            // What is said too often is passed over: the next says it anew.
            guard let watch = watches.first(where: { $0.number == number }), said.takes(now.instant) else { return }
            out.emit(.say(watch.serial, from: writer, data: data))
        }
    }

    /// Nil if it is watched.
    private mutating func subscribe(
        _ number: Int, _ key: String, _ since: String?, _ form: DocumentForm, _ ring: RingSnapshot,
        _ out: inout Outbox<Effect>
    ) -> Problem? {
        guard !watches.contains(where: { $0.number == number }) else {
            return .malformed("watch \(number) is there already")
        }
        guard watches.count < Limits.liveWatchesOfConnection else { return .tooManyWatches }
        let watch: LiveSubscription.Watch
        do { watch = try LiveCalls.watch(Array(key.utf8), isOfSite: only != nil) } catch { return Problem(error) }
        if let only, watch.key != only { return .anotherKey }
        if let origin, !ring.properties(ofBucket: watch.bucket).cors.contains(origin) {
            return .foreignOrigin(origin)
        }
        var resume: EventID?
        if let since {
            do { resume = try EventID(since, watches: 1) } catch { return .malformed("since is no id of an event") }
        }
        lastSerial += 1
        watches.append(Watch(number: number, serial: lastSerial, key: watch.key))
        let subscription = LiveSubscription(
            watches: [watch], resume: resume, tellsPositions: false, hears: watch.key != nil, form: form)
        out.emit(.subscribe(lastSerial, subscription))
        return nil
    }

    // MARK: Requests

    /// Nil if it is under way.
    private mutating func begin(
        _ operation: SocketOperation, on number: Int, _ writer: Writer, _ clients: inout LoopClients, _ now: Now,
        _ out: inout Outbox<Effect>
    ) -> Problem? {
        guard let watch = watches.first(where: { $0.number == number }), let key = watch.key else {
            return .malformed("there is no watch \(number) of a key")
        }
        guard !requests.contains(where: { $0.serial == watch.serial }) else { return .requestUnderWay }
        guard clients.ring.properties(ofBucket: key.bucket).type != .opaque else {
            return .wrongType("values of this bucket are opaque; they are written whole, with PUT")
        }
        let request: ClientRequest
        do throws(Problem) { request = try operation.request(on: key, writer) } catch { return error }
        guard clients.memory.reserve(operation.body.count, now.instant) else { return .overloaded }
        requests.append(
            Request(serial: watch.serial, number: operation.number, heldBytes: operation.body.count))
        out.emit(.request(watch.serial, request))
        return nil
    }

    private mutating func finish(
        _ serial: Int, _ outcome: ClientOutcome, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Effect>
    ) {
        guard let place = requests.firstIndex(where: { $0.serial == serial }) else { return }
        let request = requests.remove(at: place)
        clients.memory.release(request.heldBytes)
        guard !isOver, let watch = watch(serial) else { return }
        switch outcome {
        case .operated(let context, let answer, _, _):
            send(SocketText.done(request.number, watch: watch.number, answer, context), &clients, now, &out)
        case .failed(let failure, let account):
            let problem = Problem(failure, account)
            send(SocketText.failed(request.number, watch: watch.number, problem), &clients, now, &out)
        case .object, .written, .inserted, .list: break
        }
    }

    // MARK: What goes out

    private func watch(_ serial: Int) -> Watch? { watches.first { $0.serial == serial } }

    private mutating func send(
        _ text: [UInt8], _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Effect>
    ) {
        guard !isOver else { return }
        guard clients.memory.reserve(text.count, now.instant) else {
            return close(.tryAgainLater, Problem.overloaded.name, &out)
        }
        unsentBytes += text.count
        out.emit(.send(text))
    }

    private mutating func close(_ code: CloseCode, _ reason: String, _ out: inout Outbox<Effect>) {
        isOver = true
        out.emit(.close(code, reason))
    }
}

/// How often somebody may say something.
private struct SayRate: Sendable {
    private var since: Instant?
    private var count = 0

    mutating func takes(_ now: Instant) -> Bool {
        if let since, now - since < .seconds(1) {
            count += 1
        } else {
            (since, count) = (now, 1)
        }
        return count <= Limits.saidPerSecond
    }
}

extension SocketOperation {
    fileprivate func request(on key: StoredKey, _ writer: Writer) throws(Problem) -> ClientRequest {
        var seen: [UInt8]?
        if let context { seen = try ContextHeader.parse(context, for: key) }
        let text = "\(self.writer ?? writer).\(number)\(isAgain ? "; again" : "")\(after.map { "; after=\($0)" } ?? "")"
        do throws(PatchError) {
            let call = TypedCall(.operations, body, name: try OperationName(header: text))
            try call.check()
            return ClientRequest(.operate(call, context: seen, onlyIfAbsent: false), key: key)
        } catch { throw Problem(error) }
    }
}
