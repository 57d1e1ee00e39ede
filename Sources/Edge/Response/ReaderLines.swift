// Whose pages a browser lets read an answer (the CORS protocol: WHATWG Fetch, 3.2): those of the origins that the
// bucket names in `cors`. Nothing but reads is answered so: what would change something asks first, and is not
// answered.

import Keys
import Live
import Ring

extension IncomingRequest {
    /// Lines of the answer's head; none where no bucket of the request names an origin.
    func readersLines(_ ring: RingSnapshot) -> [UInt8] {
        guard ring.namesOrigins, head.method == .get || head.method == .head else { return [] }
        let buckets = target.key.map { [$0.bucket] } ?? target.query.watches.map(\.bucket)
        let named = buckets.map { ring.properties(ofBucket: $0).cors }
        guard named.contains(where: { !$0.isEmpty }) else { return [] }
        var lines = HeaderLines()
        lines.add("vary", "origin")
        if let origin = head.fields.first(.origin), named.allSatisfy({ $0.contains(origin) }) {
            lines.add("access-control-allow-origin", origin)
            lines.add("access-control-expose-headers", "atoll-context, atoll-acks")
        }
        return lines.bytes
    }
}
