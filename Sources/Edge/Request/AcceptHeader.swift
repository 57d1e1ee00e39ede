// What a client says in `Accept` (RFC 9110, 12.5.1): whether it likes siblings as JSON or in parts, and of a site pages
// or what they are made of.

package enum AcceptHeader {
    /// Whether `multipart/mixed` is wanted rather than `application/json`: liked better, or as well where it is named.
    /// Nothing is refused for its type: a client that takes neither gets JSON.
    static func prefersMultipart(_ accept: String?) -> Bool {
        guard let accept else { return false }
        let ranges = ranges(accept)
        let parts = quality(of: "multipart", "mixed", ranges)
        let json = quality(of: "application", "json", ranges)
        return parts.quality > json.quality
            || parts.quality == json.quality && parts.quality > 0 && parts.rank > 0 && parts.rank >= json.rank
    }

    /// How much a type is liked, in thousandths: 0, not at all; and how exactly it is named: 0 not at all or as `*/*`,
    /// 1 as `type/*`, 2 in full.
    package static func liking(
        for type: String, _ subtype: String, in accept: String
    ) -> (quality: Int, rank: Int) {
        let found = quality(of: type, subtype, ranges(accept))
        return (found.quality, max(0, found.rank))
    }

    private struct Range {
        let type: Substring
        let subtype: Substring
        /// In thousandths.
        let quality: Int
    }

    private static func ranges(_ accept: String) -> [Range] {
        accept.lowercased().split(separator: ",").compactMap { element in
            let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(\.trimmed)
            let names = parts[0].split(separator: "/", omittingEmptySubsequences: false)
            guard names.count == 2 else { return nil }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
            return Range(type: names[0], subtype: names[1], quality: weight.map(thousandths) ?? 1_000)
        }
    }

    /// Of a weight (RFC 9110, 12.4.2); what is none counts as no wish for less than all.
    private static func thousandths(_ weight: Substring) -> Int {
        guard let value = Double(weight), (0...1).contains(value) else { return 1_000 }
        return Int((value * 1_000).rounded())
    }

    /// The most specific range that fits decides, and how specific it is: 0 for none or */*, 1 for type/*, 2 for both.
    private static func quality(of type: String, _ subtype: String, _ ranges: [Range]) -> (quality: Int, rank: Int) {
        var best = (quality: 0, rank: -1)
        for range in ranges {
            let rank: Int
            switch (range.type, range.subtype) {
            case ("*", "*"): rank = 0
            case (type[...], "*"): rank = 1
            case (type[...], subtype[...]): rank = 2
            default: continue
            }
            if rank > best.rank { best = (range.quality, rank) }
        }
        return best
    }
}
