// The reports on what may come as JSON: what-ifs, capacity, durability; and where a key lies. Sizes in bytes, times in
// seconds, shares from 0 to 1.

package import JSON

extension WhatIf {
    package var json: JSONValue {
        .object([
            "imagined": .strings(imagined.map(\.description)), "fine": .bool(isFine),
            "placements": .array(
                verdicts.map { verdict in
                    let effect = verdict.atOnce
                    return .object([
                        "placement": .string(verdict.placement), "replicas": .int(verdict.replicas),
                        "read": .int(verdict.read), "write": .int(verdict.write),
                        "partitions": .int(effect.partitions), "fewest_left": .int(effect.fewestLeft),
                        "with_read_quorum": .int(effect.partitions - effect.withoutRead),
                        "with_write_quorum": .int(effect.partitions - effect.withoutWrite),
                        "without_copy": .int(effect.withoutCopy), "infeasible": .optional(verdict.infeasible),
                        "moves": .int(verdict.moves),
                    ])
                }),
            "fullest_node_before": .optional(fullestBefore?.node), "fullest_before": .optional(fullestBefore?.fill),
            "fullest_node": .optional(fullestAfter?.node), "fullest": .optional(fullestAfter?.fill),
            "full_at": .number(fullAt), "bytes": .number(rebuildBytes),
            "bytes_across_borders": .number(crossBorderBytes), "eur": .optional(euros),
            "seconds": .optional(seconds), "bottleneck": .optional(bottleneck?.description),
            "time_partial": .bool(isTimePartial), "data_assumed": .bool(sizeNote != nil),
        ])
    }
}

extension CapacityForecast {
    package var json: JSONValue {
        .object([
            "full_at": .number(fullAt), "reaches_limit": .bool(reachesLimit), "countries": .strings(countries),
            "months": .array(
                months.map { month in
                    .object([
                        "date": .string(month.date.description), "data": .number(month.dataBytes),
                        "fullest": .number(month.fullest),
                        "fills": .object(zip(countries, month.fills).map { JSONValue.Member($0, .number($1)) }),
                    ])
                }),
            "limits": .array(
                limits.map { limit in
                    .object([
                        "after_losing": .optional(limit.domain?.rawValue), "worst": .optional(limit.worst),
                        "fullest_today": .optional(limit.fillToday),
                        "full_on": .optional(limit.fullOn?.description),
                        "cannot_rebuild": .strings(limit.cannotRebuild), "out_of_reach": .bool(limit.isOutOfReach),
                        "buy": .array(
                            limit.purchases.map {
                                .object([
                                    "nodes": .int($0.nodes), "country": .string($0.country), "zone": .string($0.zone),
                                    "capacity": .number(Double($0.capacityBytes)),
                                ])
                            }),
                    ])
                }),
        ])
    }
}

extension DurabilityEstimate {
    package var json: JSONValue {
        .object([
            "failures_per_node_and_year": .number(failuresPerYear),
            "placements": .array(
                rows.map {
                    .object([
                        "placement": .string($0.placement), "replicas": .int($0.replicas),
                        "copysets": .int($0.copysets), "peers_mean": .number($0.meanPeers),
                        "peers_least": .int($0.fewestPeers), "repair_seconds": .number($0.repairSeconds),
                        "losses_per_year": .number($0.lossPerYear), "nines": .number($0.nines),
                    ])
                }),
            "correlated": .array(
                correlated.map { entry in
                    guard case .object(let effect) = entry.effect.json else { return .null }
                    return .object([JSONValue.Member("placement", .string(entry.placement))] + effect)
                }),
            "assumptions": .strings(assumptions), "data_assumed": .bool(sizeNote != nil),
        ])
    }
}

extension KeyExplanation {
    package func json(origin: String) -> JSONValue {
        func places(_ places: [Place]) -> JSONValue {
            .array(
                places.map {
                    .object([
                        "node": .string($0.node), "country": .string($0.country), "zone": .string($0.zone),
                        "reason": .string($0.reason),
                    ])
                })
        }
        return .object([
            "from": .string(origin), "epoch": .int(Int(epoch)), "digest": .string(digest), "bucket": .string(bucket),
            "token": .string(token), "partition": .int(partition), "partitions": .int(partitions),
            "first_token": .string(firstToken), "last_token": .string(lastToken), "placement": .string(placement),
            "rule": .string(rule), "read": .string(read), "write": .string(write), "replicas": places(primaries),
            "fallbacks": places(fallbacks), "grounds": .strings(grounds),
        ])
    }
}

extension SolverBenchmark.Result {
    package var json: JSONValue {
        .object([
            "case": .string(name),
            "steps": .array(
                steps.map {
                    .object([
                        "change": .string($0.name), "seconds": .number($0.seconds), "moves": .int($0.moves),
                        "bound": .int($0.bound), "fullest_over_mean": .number($0.fullest),
                        "rendezvous_moves": .int($0.rendezvousMoves),
                        "rendezvous_fullest_over_mean": .number($0.rendezvousFullest),
                    ])
                }),
        ])
    }
}
