// The metrics of one node in Prometheus' text format (docs/OPERATIONS.md says what to watch).

import Gateway
import HintedHandoff
import Ring
import World

enum MetricsPage {
    static func text(
        identity: NodeID, revision: String, ring: RingDocument, loops: [LoopFigures], control: ControlFigures,
        shards: [StorageFigures], late: UInt64, hints: HintFigures, connections: ConnectionFigures.Values,
        peers: PeerFigures.Values, freeShare: Double, now: Instant, startedAt: Instant
    ) -> String {
        var page = Page()
        page.gauge(
            "atoll_info", "The node, its software and its ring.",
            [
                ("node=\"\(identity)\",revision=\"\(revision)\",cluster=\"\(ring.cluster)\",epoch=\"\(ring.epoch)\"", 1)
            ])
        page.gauge("atoll_uptime_seconds", "Since the start.", (now - startedAt).inSeconds)
        http(loops, connections, &page)
        gateway(loops, &page)
        storage(shards, late, freeShare, now, &page)
        cluster(control, hints, peers, loops, &page)
        return page.text
    }

    private static func http(_ loops: [LoopFigures], _ connections: ConnectionFigures.Values, _ page: inout Page) {
        var counts: [RequestFigures.HTTPCount] = []
        var latency = LatencyBuckets()
        for loop in loops {
            latency.add(loop.requests.latency)
            for count in loop.requests.http {
                if let place = counts.firstIndex(where: { $0.route == count.route && $0.status == count.status }) {
                    counts[place].count += count.count
                } else {
                    counts.append(count)
                }
            }
        }
        page.counter(
            "atoll_http_requests_total", "Requests by route and status.",
            counts
                .sorted { ($0.route, $0.status) < ($1.route, $1.status) }
                .map { ("route=\"\($0.route)\",code=\"\($0.status)\"", Double($0.count)) })
        page.gauge("atoll_http_connections", "Open client connections.", Double(connections.open))
        page.counter("atoll_http_connections_refused_total", "Connections over the limit.", Double(connections.refused))
        page.gauge(
            "atoll_client_bytes", "What all loops hold in memory for clients.",
            Double(loops.reduce(0) { $0 + $1.clientBytes }))
        page.counter(
            "atoll_http_readers_cut_off_total", "Clients let go because their unread answers took room others needed.",
            Double(loops.reduce(0) { $0 + $1.readersCutOff }))
        page.histogram("atoll_request_seconds", "From a request's last byte to its answer.", latency)
    }

    private static func gateway(_ loops: [LoopFigures], _ page: inout Page) {
        func sum(_ value: (LoopFigures) -> UInt64) -> Double { Double(loops.reduce(0) { $0 + value($1) }) }
        page.counter(
            "atoll_gateway_requests_total", "Requests coordinated.",
            [
                ("kind=\"list\"", sum { $0.counters.lists }), ("kind=\"read\"", sum { $0.counters.reads }),
                ("kind=\"write\"", sum { $0.counters.writes }),
            ])
        page.counter(
            "atoll_quorum_outcomes_total", "Requests that reached their level, and that did not.",
            [
                ("outcome=\"failed\"", sum { $0.counters.quorumFailures }),
                ("outcome=\"reached\"", sum { $0.requests.answered }),
            ])
        page.counter(
            "atoll_hedged_reads_total", "Second reads sent because the first was late.", sum { $0.counters.hedges })
        page.counter(
            "atoll_read_repairs_total", "Replicas sent what a read found missing there.", sum { $0.counters.repairs })
        page.counter(
            "atoll_hinted_writes_total", "Hints written for replicas that could not take a write.",
            sum { $0.counters.hintedWrites })
        page.gauge(
            "atoll_requests_in_flight", "Requests being coordinated.", Double(loops.reduce(0) { $0 + $1.inFlight }))
        page.counter(
            "atoll_peer_requests_total", "Requests from other gateways for replicas here.",
            sum { $0.requests.peerRequests })
        page.counter(
            "atoll_read_cache_total", "Reads of own replicas, by whether the loop had the object at hand.",
            [
                ("result=\"hit\"", sum { $0.cacheHits }), ("result=\"miss\"", sum { $0.cacheMisses }),
            ])
    }

    private static func storage(
        _ shards: [StorageFigures], _ late: UInt64, _ freeShare: Double, _ now: Instant, _ page: inout Page
    ) {
        func sum(_ value: (StorageFigures) -> UInt64) -> Double { Double(shards.reduce(0) { $0 + value($1) }) }
        page.counter("atoll_storage_batches_total", "Batches worked by storage threads.", sum { $0.batches })
        page.counter("atoll_storage_requests_total", "Requests in them.", sum { $0.requests })
        page.counter("atoll_storage_writes_total", "Keys written.", sum { $0.writes })
        page.counter("atoll_storage_written_bytes_total", "Bytes of them.", sum { $0.writtenBytes })
        page.counter(
            "atoll_expired_objects_total", "Objects whose expired values gave back their bytes.", sum { $0.expired })
        page.counter(
            "atoll_merges_refused_total", "Merges whose result would be beyond an object's limits.",
            sum { $0.unmergeable })
        page.counter(
            "atoll_late_requests_total", "Requests of peers not done, since nobody waited for their answers any more.",
            Double(late))
        page.gauge(
            "atoll_storage_service_ms", "Time a request takes in a storage thread.", shards.map(\.serviceMs).max() ?? 0)
        page.gauge(
            "atoll_replication_delay_ms", "How long after their making fresh writes arrive here.",
            shards.replicationDelayMs(at: now))
        page.gauge("atoll_disk_free_ratio", "Free share of the disk.", freeShare)
        var commits = LatencyBuckets()
        for shard in shards { commits.add(shard.commitSeconds) }
        page.histogram("atoll_storage_commit_seconds", "One commit with its sync.", commits)
    }

    private static func cluster(
        _ control: ControlFigures, _ hints: HintFigures, _ peers: PeerFigures.Values, _ loops: [LoopFigures],
        _ page: inout Page
    ) {
        page.gauge(
            "atoll_nodes_alive", "Nodes that gossip holds for alive, this one among them.",
            Double(control.living.count + 1))
        page.counter("atoll_gossip_rejected_total", "Gossip messages refused.", Double(control.rejectedGossip))
        page.counter(
            "atoll_names_rejected_total", "Messages of the namestore that could not be read.",
            Double(control.rejectedNames))
        page.gauge("atoll_hints", "Hints kept for others.", Double(hints.backlog.hints))
        page.gauge("atoll_hint_bytes", "Bytes of them.", Double(hints.backlog.bytes))
        page.counter("atoll_hints_delivered_total", "Hints that reached their replica.", Double(hints.delivered))
        page.counter("atoll_hints_refused_total", "Hints refused because a limit was reached.", Double(hints.refused))
        page.counter("atoll_hints_expired_total", "Hints given up for their age.", Double(hints.expired))
        page.gauge("atoll_hints_unreadable", "Hints kept that this version cannot read.", Double(hints.unreadable))
        page.counter("atoll_repaired_keys_total", "Keys sent by anti-entropy.", Double(control.repairedKeys))
        page.counter(
            "atoll_repair_refused_total", "Keys sent by anti-entropy that a replica did not take.",
            Double(control.refusedRepairs))
        page.gauge(
            "atoll_keys_apart", "Keys that anti-entropy could not make the same on both sides.",
            Double(control.keysApart))
        page.counter(
            "atoll_repair_exchanges_total", "Exchanges between replicas.",
            [
                ("outcome=\"abandoned\"", Double(control.abandonedExchanges)),
                ("outcome=\"completed\"", Double(control.completedExchanges)),
            ])
        page.gauge("atoll_peer_connections", "Accepted peer connections.", Double(peers.open))
        page.counter(
            "atoll_peer_rejected_total", "Peers refused and peer connections dropped for what they sent.",
            Double(peers.rejected))
        page.gauge(
            "atoll_peer_links_up", "Own links to peers that stand, over all loops.",
            Double(loops.reduce(0) { $0 + $1.linksUp }))
    }
}

/// Collects metric families in the exposition format.
private struct Page {
    private(set) var text = ""

    mutating func gauge(_ name: String, _ help: String, _ value: Double) { family(name, help, "gauge", [("", value)]) }
    mutating func gauge(_ name: String, _ help: String, _ values: [(String, Double)]) {
        family(name, help, "gauge", values)
    }
    mutating func counter(_ name: String, _ help: String, _ value: Double) {
        family(name, help, "counter", [("", value)])
    }
    mutating func counter(_ name: String, _ help: String, _ values: [(String, Double)]) {
        family(name, help, "counter", values)
    }

    mutating func histogram(_ name: String, _ help: String, _ buckets: LatencyBuckets) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
        var cumulative: UInt64 = 0
        for (bound, count) in zip(LatencyBuckets.bounds, buckets.counts) {
            cumulative += count
            text += "\(name)_bucket{le=\"\(bound)\"} \(cumulative)\n"
        }
        text +=
            "\(name)_bucket{le=\"+Inf\"} \(buckets.total)\n\(name)_sum \(buckets.sum)\n\(name)_count \(buckets.total)\n"
    }

    private mutating func family(_ name: String, _ help: String, _ type: String, _ values: [(String, Double)]) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for (labels, value) in values { text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n" }
    }
}
