// The ring document at the edge: what GET /v1/ring answers, and what the ring tool reads back.

import Causality
package import JSON
import World

extension RingDocument {
    /// Node ids stand in the tables as indexes into `nodes`, as in the binary form; `digest` names that form.
    package func json() -> [UInt8] { jsonValue.encode() }

    var jsonValue: JSONValue {
        let document: JSONValue = .object([
            "version": .int(Int(RingCodec.version(of: contents.draft))),
            "cluster": .string(cluster),
            "epoch": .int(Int(epoch)),
            "digest": .string(hexadecimal(digest)),
            "partitions": .int(partitions),
            "countries": .array(
                countries.map { .object(["id": .string($0.id), "location": RingJSON.location($0.location)]) }),
            "nodes": .array(nodes.map(RingJSON.node)),
            "placements": .array(
                zip(placements, assignments).map { placement, table in
                    guard case .object(let rule) = RingJSON.placement(placement) else { return .null }
                    let rows = (0..<table.partitions).map { at in JSONValue.array(table[at].map { .int(Int($0)) }) }
                    return .object(rule + [Member("assignment", .array(rows))])
                }),
            "defaults": .object(RingJSON.properties(defaults)),
            "buckets": .array(
                buckets.map { .object([Member("name", .string($0.name))] + RingJSON.properties($0.properties)) }),
            "name_acceptors": .strings(nameAcceptors.map(\.name)),
            "score": .object([
                "replication_delay": .number(score.replicationDelay), "response_time": .number(score.responseTime),
                "distance": .number(score.distance), "error_rate": .number(score.errorRate),
            ]),
        ])
        guard let social, case .object(let members) = document else { return document }
        return .object(members + [Member("social", RingJSON.site(social))])
    }

    private typealias Member = JSONValue.Member

    /// Reads what `json()` wrote, in this version or a lower one. The digest is checked: a document that was changed by
    /// hand is refused.
    package static func decode(json bytes: [UInt8]) throws(JSONError) -> RingDocument {
        let value = try JSONValue.decode(bytes)
        let (draft, version) = try RingJSON.draft(value)
        let document: RingDocument
        do { document = try RingDocument(draft.upgraded(from: version)) } catch { throw JSONError(error.message) }
        // Only what was checked can be encoded.
        guard value["digest"]?.string == hexadecimal(RingCodec.digest(RingCodec.encode(draft, as: version))) else {
            throw JSONError("the ring document's digest does not fit its content")
        }
        return document
    }
}

package func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// The parts of the document in JSON, both ways.
package enum RingJSON {
    static func location(_ value: Coordinates?) -> JSONValue {
        value.map { .array([.number($0.latitude), .number($0.longitude)]) } ?? .null
    }

    static func node(_ node: RingNode) -> JSONValue {
        let value: JSONValue = .object([
            "id": .string(node.id.name), "country": .string(node.country), "zone": .string(node.zone),
            "rack": .string(node.rack), "peer": .string(node.peer.description), "http": .string(node.http.description),
            "capacity": .int(Int(node.capacityBytes)), "state": .string(node.state.rawValue),
            "location": location(node.location), "mbit": .optional(node.mbit),
        ])
        guard let social = node.social, case .object(let members) = value else { return value }
        return .object(members + [JSONValue.Member("social", .string(social.description))])
    }

    static func site(_ value: SocialSettings) -> JSONValue {
        .object([
            "origin": .optional(value.origin), "raw_origin": .optional(value.rawOrigin),
            "homes": .object(value.homes.map { JSONValue.Member($0.name, .string($0.placement)) }),
            "registration": .string(value.registration.rawValue), "anonymous": .bool(value.isAnonymousAllowed),
            "moderators": .strings(value.moderators), "public_shards": .int(value.publicShards),
            "trusted_proxies": .strings(value.trustedProxies), "poll_from": .strings(value.pollFrom),
            "limit_loopback": .bool(value.limitsLoopback),
        ])
    }

    static func placement(_ rule: Placement) -> JSONValue {
        .object([
            "name": .string(rule.name), "rule": .string(rule.rule), "replicas": .int(rule.replicas),
            "at_least": .object(rule.atLeast.map { JSONValue.Member($0.country, .int($0.count)) }),
            "min_countries": .int(rule.minCountries), "max_per_country": .optional(rule.maxPerCountry),
            "max_per_zone": .optional(rule.maxPerZone), "only": rule.only.map { .strings($0) } ?? .null,
            "survive": .optional(rule.survive?.rawValue),
        ])
    }

    static func properties(_ value: BucketProperties) -> [JSONValue.Member] {
        [
            JSONValue.Member("placement", .string(value.placement)),
            JSONValue.Member("read", .string(value.read.description)),
            JSONValue.Member("write", .string(value.write.description)),
            JSONValue.Member("conflict", .string(value.conflict.rawValue)),
            JSONValue.Member("durability", .string(value.durability.rawValue)),
            JSONValue.Member("ttl_ms", value.ttlMilliseconds.map { .int(Int($0)) } ?? .null),
            JSONValue.Member("max_value", .int(value.maxValueBytes)),
            JSONValue.Member("type", .string(value.type.rawValue)),
            JSONValue.Member("cors", .strings(value.cors)),
        ]
    }
}
