// The table of figures: what `GET /metrics` shows, one row for each: name, help, and where it is read
// (docs/OPERATIONS.md says what to watch).

import Gateway
import HintedHandoff
import Node
import Ring
import World

/// Everything that figures are read from, gathered when somebody asks.
struct NodeSnapshot {
    let identity: NodeID
    let revision: String
    let ring: RingDocument
    let loops: [LoopFigures]
    let control: ControlFigures
    let shards: [StorageFigures]
    /// Requests that storage threads did not begin, as nobody waited for them any more.
    let late: UInt64
    let hints: HintFigures
    let connections: ConnectionFigures.Values
    let peers: PeerFigures.Values
    let freeShare: Double
    /// Nil where it has none.
    let site: SiteFigures?
    let now: Instant
    let startedAt: Instant

    /// Over all loops, and over all shards.
    func loops(_ value: (LoopFigures) -> UInt64) -> UInt64 { loops.reduce(0) { $0 + value($1) } }
    func loops(_ value: (LoopFigures) -> Int) -> Int { loops.reduce(0) { $0 + value($1) } }
    func shards(_ value: (StorageFigures) -> UInt64) -> UInt64 { shards.reduce(0) { $0 + value($1) } }
}

/// A row of the table.
struct Figure: Sendable {
    enum Reading: Sendable {
        case counter(@Sendable (NodeSnapshot) -> UInt64)
        case gauge(@Sendable (NodeSnapshot) -> Double)
        /// A value for each of several labels, which are written as they travel: `kind="read"`.
        case counters(@Sendable (NodeSnapshot) -> [(labels: String, value: UInt64)])
        case gauges(@Sendable (NodeSnapshot) -> [(labels: String, value: Double)])
        case histogram(@Sendable (NodeSnapshot) -> LatencyBuckets)
    }

    let name: String
    let help: String
    let reading: Reading

    init(_ name: String, _ help: String, _ reading: Reading) {
        self.name = name
        self.help = help
        self.reading = reading
    }

    static let all = node + http + live + site + gateway + storage + cluster

    private static let node = [
        Figure(
            "atoll_info", "The node, its software and its ring.",
            .gauges {
                [
                    (
                        "node=\"\($0.identity)\",revision=\"\($0.revision)\",cluster=\"\($0.ring.cluster)\","
                            + "epoch=\"\($0.ring.epoch)\"", 1
                    )
                ]
            }),
        Figure("atoll_uptime_seconds", "Since the start.", .gauge { ($0.now - $0.startedAt).inSeconds }),
    ]

    private static let http = [
        Figure("atoll_http_requests_total", "Requests by route and status.", .counters(answersByRoute)),
        Figure("atoll_http_connections", "Open client connections.", .gauge { Double($0.connections.open) }),
        Figure(
            "atoll_http_connections_refused_total", "Connections over the limit.", .counter { $0.connections.refused }),
        Figure(
            "atoll_client_bytes", "What all loops hold in memory for clients.",
            .gauge { Double($0.loops(\.clientBytes)) }),
        Figure(
            "atoll_http_readers_cut_off_total", "Clients let go because their unread answers took room others needed.",
            .counter { $0.loops(\.readersCutOff) }),
        Figure(
            "atoll_request_seconds", "From a request's last byte to its answer.",
            .histogram { LatencyBuckets(sumOf: $0.loops.map(\.requests.latency)) }),
    ]

    private static let live = [
        Figure(
            "atoll_live_subscribers", "Clients' connections that are kept open for live reads.",
            .gauge { Double($0.control.live.subscribers) }),
        Figure(
            "atoll_live_watches", "Keys and ranges that they look at together.",
            .gauge { Double($0.control.live.watches) }),
        Figure(
            "atoll_live_watches_told", "Watches of all nodes that are told of changes at this node's replicas.",
            .gauge { Double($0.control.live.told) }),
        Figure(
            "atoll_live_rejected_total", "Messages of live reads that could not be read.",
            .counter { $0.control.rejectedLive }),
        Figure(
            "atoll_live_delay_seconds", "From a write's time to its event's way to a client; one for each client.",
            .histogram { $0.control.liveDelays }),
    ]

    private static let site = [
        Figure(
            "atoll_site_requests", "People's requests that are not answered yet.",
            .gauge { Double($0.site?.requests ?? 0) }),
        Figure(
            "atoll_site_streams", "Connections that are kept open for a page that shows what is new.",
            .gauge { Double($0.site?.streams ?? 0) }),
        Figure(
            "atoll_site_flows", "What the site asks just now of the cluster, the namestore and its own threads.",
            .gauge { Double($0.site?.flows ?? 0) }),
        Figure(
            "atoll_site_deliveries", "Posts that go to inboxes, or wait for it.",
            .gauge { Double($0.site?.deliveries ?? 0) }),
        Figure("atoll_site_pages_total", "Pages made.", .counter { $0.site?.pages ?? 0 }),
        Figure(
            "atoll_site_events_total", "What people did and what the site did for them, by kind.",
            .counters { snapshot in (snapshot.site?.events ?? []).map { ("kind=\"\($0.kind)\"", $0.count) } }),
    ]

    private static let gateway = [
        Figure(
            "atoll_gateway_requests_total", "Requests coordinated.",
            .counters {
                [
                    ("kind=\"list\"", $0.loops(\.gateway.lists)), ("kind=\"read\"", $0.loops(\.gateway.reads)),
                    ("kind=\"write\"", $0.loops(\.gateway.writes)),
                ]
            }),
        Figure(
            "atoll_quorum_outcomes_total", "Requests that reached their level, and that did not.",
            .counters {
                [
                    ("outcome=\"failed\"", $0.loops(\.answers.failed)),
                    ("outcome=\"reached\"", $0.loops(\.answers.reached)),
                ]
            }),
        Figure(
            "atoll_hedged_reads_total", "Second reads sent because the first was late.",
            .counter { $0.loops(\.gateway.hedges) }),
        Figure(
            "atoll_read_repairs_total", "Replicas sent what a read found missing there.",
            .counter { $0.loops(\.gateway.repairs) }),
        Figure(
            "atoll_hinted_writes_total", "Hints written for replicas that could not take a write.",
            .counter { $0.loops(\.gateway.hintedWrites) }),
        Figure("atoll_requests_in_flight", "Requests being coordinated.", .gauge { Double($0.loops(\.inFlight)) }),
        Figure(
            "atoll_peer_requests_total", "Requests from other gateways for replicas here.",
            .counter { $0.loops(\.requests.peerRequests) }),
        Figure(
            "atoll_read_cache_total", "Reads of own replicas, by whether the loop had the object at hand.",
            .counters {
                [("result=\"hit\"", $0.loops(\.cacheHits)), ("result=\"miss\"", $0.loops(\.cacheMisses))]
            }),
    ]

    private static let storage = [
        Figure("atoll_storage_batches_total", "Batches worked by storage threads.", .counter { $0.shards(\.batches) }),
        Figure("atoll_storage_requests_total", "Requests in them.", .counter { $0.shards(\.requests) }),
        Figure("atoll_storage_writes_total", "Keys written.", .counter { $0.shards(\.writes) }),
        Figure("atoll_storage_written_bytes_total", "Bytes of them.", .counter { $0.shards(\.writtenBytes) }),
        Figure(
            "atoll_expired_objects_total", "Objects whose expired values gave back their bytes.",
            .counter { $0.shards(\.expired) }),
        Figure(
            "atoll_merges_refused_total", "Merges whose result would be beyond an object's limits.",
            .counter { $0.shards(\.unmergeable) }),
        Figure(
            "atoll_late_requests_total", "Requests of peers not done, since nobody waited for their answers any more.",
            .counter { $0.late }),
        Figure(
            "atoll_storage_service_ms", "Time a request takes in a storage thread.",
            .gauge { $0.shards.map(\.load.serviceMs).max() ?? 0 }),
        Figure(
            "atoll_replication_delay_ms", "How long after their making fresh writes arrive here.",
            .gauge { $0.shards.map(\.load).replicationDelayMs(at: $0.now) }),
        Figure("atoll_disk_free_ratio", "Free share of the disk.", .gauge { $0.freeShare }),
        Figure(
            "atoll_storage_commit_seconds", "One commit with its sync.",
            .histogram { LatencyBuckets(sumOf: $0.shards.map(\.commitSeconds)) }),
    ]

    private static let cluster = [
        Figure(
            "atoll_nodes_alive", "Nodes that gossip holds for alive, this one among them.",
            .gauge { Double($0.control.living.count + 1) }),
        Figure("atoll_gossip_rejected_total", "Gossip messages refused.", .counter { $0.control.rejectedGossip }),
        Figure(
            "atoll_names_rejected_total", "Messages of the namestore that could not be read.",
            .counter { $0.control.rejectedNames }),
        Figure("atoll_hints", "Hints kept for others.", .gauge { Double($0.hints.backlog.hints) }),
        Figure("atoll_hint_bytes", "Bytes of them.", .gauge { Double($0.hints.backlog.bytes) }),
        Figure("atoll_hints_delivered_total", "Hints that reached their replica.", .counter { $0.hints.delivered }),
        Figure(
            "atoll_hints_refused_total", "Hints refused because a limit was reached.", .counter { $0.hints.refused }),
        Figure("atoll_hints_expired_total", "Hints given up for their age.", .counter { $0.hints.expired }),
        Figure(
            "atoll_hints_unreadable", "Hints kept that this version cannot read.",
            .gauge { Double($0.hints.unreadable) }),
        Figure("atoll_repaired_keys_total", "Keys sent by anti-entropy.", .counter { $0.control.repairedKeys }),
        Figure(
            "atoll_repair_refused_total", "Keys sent by anti-entropy that a replica did not take.",
            .counter { $0.control.refusedRepairs }),
        Figure(
            "atoll_keys_apart", "Keys that anti-entropy could not make the same on both sides.",
            .gauge { Double($0.control.keysApart) }),
        Figure(
            "atoll_repair_exchanges_total", "Exchanges between replicas.",
            .counters {
                [
                    ("outcome=\"abandoned\"", $0.control.abandonedExchanges),
                    ("outcome=\"completed\"", $0.control.completedExchanges),
                ]
            }),
        Figure("atoll_peer_connections", "Accepted peer connections.", .gauge { Double($0.peers.open) }),
        Figure(
            "atoll_peer_rejected_total", "Peers refused and peer connections dropped for what they sent.",
            .counter { $0.peers.rejected }),
        Figure(
            "atoll_peer_links_up", "Own links to peers that stand, over all loops.",
            .gauge { Double($0.loops(\.linksUp)) }),
    ]

    private static let answersByRoute: @Sendable (NodeSnapshot) -> [(labels: String, value: UInt64)] = { snapshot in
        var counts: [RequestFigures.HTTPCount] = []
        for count in snapshot.loops.flatMap(\.requests.http) {
            if let place = counts.firstIndex(where: { $0.route == count.route && $0.status == count.status }) {
                counts[place].count += count.count
            } else {
                counts.append(count)
            }
        }
        return counts.sorted { ($0.route, $0.status) < ($1.route, $1.status) }
            .map { ("route=\"\($0.route)\",code=\"\($0.status)\"", $0.count) }
    }
}
