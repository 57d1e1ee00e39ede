// A hub alone on the stage: the test says what primaries tell, and reads what clients are sent.

import DataTypes
import Causality
import JSON
import Keys
import Ring
import World

@testable import Live

struct HubScene {
    var hub: LiveHub
    private(set) var time = Span.zero
    /// By connection, all that was written.
    private(set) var written: [UInt64: String] = [:]
    private(set) var lastBlock: [UInt64: [ArraySlice<UInt8>]] = [:]
    private(set) var ended: [UInt64: LiveEnd] = [:]
    private(set) var sent: [(message: LiveMessage, to: NodeID)] = []
    private var numbers: [NodeID: UInt64] = [:]
    private var streams: [NodeID: LiveStream] = [:]
    private(set) var orders: [NodeID: [WatchOrder]] = [:]

    init(room: LiveRoom = LiveRoom()) throws {
        hub = LiveHub(identity: Cluster.gateways[0], life: 9, ring: try Cluster.ring(), room: room)
        hear(.ranking(Cluster.replicas))
    }

    private var now: Now {
        Now(
            instant: Instant.origin + time,
            wall: WallTime(milliseconds: 1_795_000_000_000 + UInt64(time.nanoseconds / 1_000_000)))
    }

    mutating func hear(_ input: LiveHub.Input) {
        var out = Outbox<LiveHub.Effect>()
        hub.handle(input, now, &out)
        for effect in out.take() {
            switch effect {
            case .send(let message, let to):
                sent.append((message, to))
                guard case .watch(let stream, let isFirst, let orders) = message else { continue }
                if isFirst {
                    streams[to] = stream
                    numbers[to] = 0
                    self.orders[to] = []
                }
                self.orders[to, default: []] += orders
            case .write(let id, let pieces):
                lastBlock[id] = pieces
                written[id, default: ""] += String(decoding: pieces.joined(), as: UTF8.self)
            case .end(let id, let reason): ended[id] = reason
            }
        }
    }

    mutating func subscribe(
        _ id: UInt64, _ targets: [LiveTarget], resume: String? = nil, at: Bool = false,
        form: DocumentForm = DocumentForm()
    ) throws {
        let watches = targets.enumerated().map {
            LiveSubscription.Watch(target: $0.element, name: Array("w\($0.offset)".utf8))
        }
        let resume = try resume.map { try EventID($0, watches: targets.count) }
        hear(.subscribe(id, LiveSubscription(watches: watches, resume: resume, tellsPositions: at, form: form)))
    }

    /// The next notice of a primary: all that was ordered from it is opened, and position `reached` is.
    mutating func tell(_ node: NodeID, _ items: [LiveItem], reached: UInt64?, life: UInt64 = 1) {
        guard let stream = streams[node], let number = numbers[node] else { return }
        numbers[node] = number + 1
        var notice = LiveNotice(stream: stream, number: number, life: life)
        notice.items = items
        notice.opened = (orders[node] ?? []).map { OpenedWatch(id: $0.id, shard: 0) }
        notice.reached = reached.map { [ReachedPosition(shard: 0, position: $0)] } ?? []
        orders[node] = []
        hear(.received(.notice(notice), from: node))
    }

    /// A number is skipped: that notice was lost.
    mutating func lose(_ node: NodeID) { numbers[node]? += 1 }

    mutating func pass(_ span: Span) {
        let end = time + span
        while time < end {
            time = min(end, time + .milliseconds(100))
            hear(.tick)
        }
    }

    mutating func take(_ id: UInt64) -> String {
        defer { written[id] = nil }
        return written[id] ?? ""
    }

    mutating func forgetSent() { sent = [] }

    /// The `counter`-th write of a key, at the first replica.
    static func object(_ counter: UInt64, _ value: String?) -> StoredObject {
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: Cluster.replicas[0], incarnation: 1), counter: counter)
        object.write(
            Sibling(
                dot: dot, payload: value.map { .value(Array($0.utf8)) } ?? .tombstone,
                contentType: value == nil ? "" : "text/plain",
                time: HybridTime(wall: WallTime(milliseconds: 1_795_000_000_000 + counter))),
            context: nil, rule: .siblings)
        return object
    }

    static func item(_ key: StoredKey, _ counter: UInt64, _ value: String?) -> LiveItem {
        LiveItem(key: key.bytes, state: .object(object(counter, value).encode()))
    }

    static func context(_ key: StoredKey, _ counter: UInt64, _ value: String?) -> String {
        Base64.text(of: CausalContext(of: object(counter, value)).encode(for: key.bytes))
    }
}
