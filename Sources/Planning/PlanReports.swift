// The reports on tables as JSON: check, plan, dispersion. Sizes in bytes, times in seconds, shares from 0 to 1.

package import JSON
import World

extension LossEffect {
    package var json: JSONValue {
        .object([
            "domain": .string(domain.rawValue), "name": .string(name), "partitions": .int(partitions),
            "without_read": .int(withoutRead), "without_write": .int(withoutWrite),
            "without_copy": .int(withoutCopy), "fewest_left": .int(fewestLeft),
        ])
    }
}

extension RingCheck {
    package var json: JSONValue {
        .object([
            "cluster": .string(cluster), "partitions": .int(partitions), "fine": .bool(isFine),
            "countries": .array(
                countries.map {
                    .object([
                        "country": .string($0.country), "zones": .int($0.zones), "nodes": .int($0.nodes),
                        "draining": .int($0.draining), "gateways": .int($0.gateways),
                        "capacity": .number($0.capacityBytes),
                    ])
                }),
            "placements": .array(
                verdicts.map { verdict in
                    .object([
                        "placement": .string(verdict.placement), "rule": .string(verdict.rule),
                        "replicas": .int(verdict.replicas), "read": .int(verdict.read), "write": .int(verdict.write),
                        "feasible": .bool(verdict.infeasible == nil), "infeasible": .optional(verdict.infeasible),
                        "worst_losses": .array(
                            verdict.worst.map { worst in
                                guard case .object(let effect) = worst.effect.json else { return .null }
                                return .object(effect + [JSONValue.Member("domains", .int(worst.domains))])
                            }),
                        "together": .object(
                            verdict.together.map { JSONValue.Member($0.domain.rawValue, .int($0.partitions)) }),
                    ])
                }),
            "warnings": .strings(warnings), "notes": .strings(notes),
        ])
    }
}

extension Plan.Row {
    fileprivate func json(_ kind: String) -> JSONValue {
        .object([
            kind: .string(name), "gone": .bool(isGone), "old": .int(before), "new": .int(after), "in": .int(arriving),
            "out": .int(leaving), "capacity": .number(capacityBytes), "bytes_old": .number(bytesBefore),
            "bytes": .number(bytes), "ideal_bytes": .number(idealBytes), "fill_old": .optional(fillBefore),
            "fill": .optional(fill), "ideal": .optional(ideal),
        ])
    }
}

extension TransferTime {
    fileprivate var members: [JSONValue.Member] {
        [
            JSONValue.Member("seconds", .number(seconds)),
            JSONValue.Member("bottleneck", .optional(bottleneck?.description)),
            JSONValue.Member("partial", .bool(isPartial)),
        ]
    }
}

extension Plan {
    package func json(warnings: [String]) -> JSONValue {
        .object([
            "countries": .array(countries.map { $0.json("country") }),
            "zones": .array(zones.map { $0.json("zone") }), "nodes": .array(nodes.map { $0.json("node") }),
            "placements": .array(
                efforts.map {
                    .object([
                        "placement": .string($0.placement), "replicas": .int($0.replicas), "first": .bool($0.isFirst),
                        "moves": .int($0.moves), "bound": .int($0.bound), "forced_by_rule": .int($0.forced),
                        "across_borders": .int($0.crossings), "without_source": .int($0.withoutSource),
                        "lost": .int($0.lost), "survives": .bool($0.survives),
                    ])
                }),
            "traffic": .array(
                traffic.map {
                    .object([
                        "from": .string($0.from), "to": .string($0.to), "copies": .int($0.copies),
                        "bytes": .number($0.bytes), "eur": .optional($0.euros),
                    ])
                }),
            "waves": .array(
                waves.map { wave in
                    .object(
                        [JSONValue.Member("copies", .int(wave.moves)), JSONValue.Member("bytes", .number(wave.bytes))]
                            + (wave.time?.members ?? [JSONValue.Member("seconds", .null)]))
                }),
            "moves": .array(
                moves.map { move in
                    .object([
                        "wave": .int(move.wave + 1), "placement": .string(efforts[move.placement].placement),
                        "partition": .int(move.partition), "from": .optional(move.source.map(name)),
                        "to": .string(name(move.target)), "instead_of": .optional(move.releases.map(name)),
                    ])
                }),
            "copies": .int(moves.count), "bytes": .number(bytes), "eur": .optional(euros),
            "seconds": .optional(seconds), "bottleneck": .optional(bottleneck?.description),
            "time_partial": .bool(isTimePartial), "fullest_node": .optional(fullest?.node),
            "fullest": .optional(fullest?.fill), "full_at": .number(fullAt), "data_assumed": .bool(sizeNote != nil),
            "warnings": .strings(warnings),
        ])
    }

    private func name(_ member: Int) -> String { crew.members[member].id.name }
}

extension Dispersion {
    package var json: JSONValue {
        .object([
            "placements": .array(
                tables.map { table in
                    .object([
                        "placement": .string(table.placement), "rule": .string(table.rule),
                        "replicas": .int(table.replicas), "partitions": .int(table.partitions),
                        "rows": .array(
                            table.rows.map {
                                .object([
                                    "tier": .string($0.tier.rawValue), "name": .string($0.name),
                                    "replicas": .int($0.replicas), "share": .number($0.share), "max": .int($0.most),
                                    "partitions_with": .array($0.partitionsWith.map(JSONValue.int)),
                                ])
                            }),
                    ])
                })
        ])
    }
}

extension Verification {
    package var json: JSONValue {
        .object([
            "proven": .bool(isProven),
            "placements": .array(
                verdicts.map {
                    .object([
                        "placement": .string($0.placement), "replicas": .int($0.replicas),
                        "violations": .int($0.violations), "first_violation": .optional($0.firstViolation),
                        "out_of_bounds": .int($0.outOfBounds), "moves": .int($0.moves), "fewest": .int($0.fewest),
                        "bound": .int($0.bound), "certificate_flaw": .optional($0.flaw), "arcs": .int($0.arcs),
                        "fullest_over_mean": .number($0.fullestOverMean), "survives": .bool($0.survives),
                    ])
                }),
        ])
    }
}

extension RingDiff {
    package var json: JSONValue {
        .object([
            "same": .bool(isEmpty), "tables_alone": .bool(isOfTablesAlone),
            "settings": .array(
                changes.map {
                    .object(["what": .string($0.what), "before": .optional($0.before), "after": .optional($0.after)])
                }),
            "placements": .array(
                tables.map {
                    .object([
                        "placement": .string($0.placement), "partitions": .int($0.partitions),
                        "partitions_changed": .int($0.partitionsChanged), "moves": .int($0.moves),
                    ])
                }),
            "nodes": .array(
                nodes.map {
                    .object([
                        "node": .string($0.node), "old": .int($0.before), "new": .int($0.after),
                        "in": .int($0.arriving), "out": .int($0.leaving),
                    ])
                }),
        ])
    }
}
