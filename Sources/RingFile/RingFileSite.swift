// The ring file's site: [social], and what it leaves to no [bucket].

import Ring
import World

extension RingFileCompiler {
    mutating func site(_ table: RingFileTable?) throws(RingFileError) {
        guard var table else { return }
        var site = SocialSettings()
        site.origin = try origin("origin", in: &table)
        site.rawOrigin = try origin("raw_origin", in: &table)
        if site.rawOrigin != nil {
            guard let origin = site.origin else {
                throw table.error("raw_origin is beside an origin: say that too", key: "raw_origin")
            }
            guard site.rawOrigin != origin else {
                throw table.error(
                    "raw_origin is the site's own origin, and keeps nothing apart; leave it out", key: "raw_origin")
            }
        }
        site.homes = try homes(table.table("homes"))
        site.registration =
            try choice("registration", in: &table, SocialSettings.Registration.self) ?? site.registration
        site.isAnonymousAllowed = try table.boolean("anonymous") ?? site.isAnonymousAllowed
        site.moderators = try names(
            "moderators", atMost: Limits.socialModerators, in: &table, RingNames.isUser,
            "users, of 1 to \(Limits.userNameBytes) a-z, 0-9, '_' and '-'")
        if let shards = try table.integer("public_shards") {
            guard (1...Limits.publicShards).contains(shards) else {
                throw table.error(
                    "public_shards must be 1 to \(Limits.publicShards), not \(shards)", key: "public_shards")
            }
            site.publicShards = shards
        }
        site.trustedProxies = try names(
            "trusted_proxies", atMost: Limits.trustedProxies, in: &table, { IPNetwork($0) != nil },
            "addresses and networks, such as \"10.0.0.7\" or \"10.0.0.0/8\"")
        site.pollFrom = try names(
            "poll_from", atMost: Limits.countries, in: &table, isDeclared, "countries of this file")
        site.limitsLoopback = try table.boolean("limit_loopback") ?? site.limitsLoopback
        try table.finish()
        guard draft.buckets.count + SocialBuckets.count(for: site) <= Limits.namedBuckets else {
            throw table.error("the site's buckets and those that are named are more than \(Limits.namedBuckets)")
        }
        draft.addSite(site)
    }

    private func origin(_ key: String, in table: inout RingFileTable) throws(RingFileError) -> String? {
        guard let origin = try table.string(key) else { return nil }
        guard WebOrigin.isCanonical(origin) else {
            throw table.error(
                "\(key) must be an origin as browsers write it, such as \"https://islands.example\" (small letters, no "
                    + "path, no usual port), not \(origin)", key: key)
        }
        return origin
    }

    /// `homes = { de = "german" }`.
    private func homes(_ table: RingFileTable?) throws(RingFileError) -> [SocialHome] {
        guard var table else { return [] }
        var homes: [SocialHome] = []
        for key in table.keys {
            guard RingNames.isCountry(key) else {
                throw table.error(
                    "a home's name is 1 to \(Limits.countryNameBytes) of a-z, 0-9 and '_', and not 'any'", key: key)
            }
            guard let placement = try table.string(key) else { continue }
            guard draft.placements.contains(where: { $0.name.isSpelled(placement) }) else {
                throw table.error("home \(key) names the unknown placement \(placement)", key: key)
            }
            homes.append(SocialHome(name: key, placement: placement))
        }
        guard homes.count <= Limits.socialHomes else {
            throw table.error("there are more than \(Limits.socialHomes) homes")
        }
        return homes.sorted { $0.name.isSpelledBefore($1.name) }
    }

    /// Ascending: their order means nothing.
    private func names(
        _ key: String, atMost most: Int, in table: inout RingFileTable, _ isOne: (String) -> Bool, _ what: String
    ) throws(RingFileError) -> [String] {
        let named = try table.strings(key) ?? []
        guard named.count <= most else { throw table.error("\(key) names more than \(most)", key: key) }
        var names: [String] = []
        for name in named {
            guard isOne(name.value) else {
                throw table.error("\(key) must hold \(what); \(name.value) is none", at: name.position)
            }
            guard !names.contains(where: { $0.isSpelled(name.value) }) else {
                throw table.error("\(key) names \(name.value) twice", at: name.position)
            }
            names.append(name.value)
        }
        return names.sorted { $0.isSpelledBefore($1) }
    }
}
