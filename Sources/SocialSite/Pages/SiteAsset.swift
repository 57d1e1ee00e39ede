// What pages of the site fetch beside themselves: the stylesheet and the script, from the binary alone.

import Edge
import World

struct SiteAsset: Sendable {
    let path: String
    let type: String
    let bytes: [UInt8]
    /// The digest of the contents.
    let version: String
    /// With it: what has this address never changes, so browsers need not ask again.
    var address: String { "\(path)?v=\(version)" }

    private init(_ path: String, _ type: String, _ bytes: [UInt8]) {
        self.path = path
        self.type = type
        self.bytes = bytes
        var digest = StableHash()
        digest.add(bytes)
        version = String(digest.value, radix: 36)
    }

    static let style = SiteAsset("/-/site.css", "text/css; charset=utf-8", PackageResources.site_css)
    static let script = SiteAsset("/-/site.js", "text/javascript; charset=utf-8", bare(PackageResources.site_js))
    static let all = [style, script]

    /// Without what is there for its readers alone: comments, each on lines of its own, and what lines begin with.
    private static func bare(_ script: [UInt8]) -> [UInt8] {
        let lines = String(decoding: script, as: UTF8.self).split(separator: "\n").map(\.trimmed)
        let code = lines.filter { line in !["//", "/*", "*"].contains { line.hasPrefix($0) } }
        return Array((code.joined(separator: "\n") + "\n").utf8)
    }
}
