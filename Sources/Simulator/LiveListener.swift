// A client of live reads in a simulated cluster: it reads Server-Sent Events as a browser does, comes back with the
// last id wherever its connection ends, and checks what it may rely on.

import Causality
import DataTypes
import JSON
import Keys
import Live
import World

struct LiveListener {
    struct Shown {
        var versions: VersionVector
        /// Where one value was shown.
        var value: String?
    }

    let target: LiveTarget
    let name: String
    /// Where it is connected, in which life of that node, and as what.
    var connection: (node: Int, life: UInt64, number: UInt64)?
    /// By stored key: the last state that was taken over.
    private(set) var shown: [KeyBytes: Shown] = [:]
    /// Of this connection: the last that was sent, taken over or not.
    private var sent: [KeyBytes: VersionVector] = [:]
    private var lastID: String?
    private(set) var isReady = false
    private(set) var events = 0
    private(set) var resumptions = 0
    private(set) var resets = 0
    /// What must never be seen.
    private(set) var complaint: String?

    init(_ target: LiveTarget, name: String) {
        self.target = target
        self.name = name
    }

    mutating func subscription(tellsPositions: Bool) -> LiveSubscription {
        (sent, isReady) = ([:], false)
        if lastID != nil { resumptions += 1 }
        let resume = lastID.flatMap { try? EventID($0, watches: 1) }
        if lastID != nil, resume == nil { complain("an id that is not taken back") }
        let watch = LiveSubscription.Watch(target: target, name: Array(name.utf8))
        return LiveSubscription(watches: [watch], resume: resume, tellsPositions: tellsPositions)
    }

    // MARK: Events

    mutating func read(_ pieces: [ArraySlice<UInt8>]) {
        let text = String(decoding: pieces.joined(), as: UTF8.self)
        for block in text.split(separator: "\n\n") where block != ":" {
            var fields: [Substring: Substring] = [:]
            for line in block.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { fields[parts[0]] = parts[1].dropFirst() }
            }
            guard let event = fields["event"], let id = fields["id"], let data = fields["data"],
                let json = try? JSONValue.decode(Array(data.utf8))
            else { return complain("an event that cannot be read") }
            events += 1
            lastID = String(id)
            take(event, json)
        }
    }

    private mutating func take(_ event: Substring, _ json: JSONValue) {
        switch event {
        case "reset":
            (shown, sent, isReady) = ([:], [:], false)
            resets += 1
        case "ready": isReady = true
        case "value", "siblings", "deleted", "item", "removed": show(json)
        case "lagging", "current", "at": break
        default: complain("an unknown event \(event)")
        }
    }

    private mutating func show(_ json: JSONValue) {
        guard let version = json["version"]?.string, let bytes = Base64.decode(version), let key = key(of: json),
            let context = try? CausalContext(decoding: bytes, for: key)
        else { return complain("an event without a version of its key") }
        let place = KeyBytes(key)
        if let before = sent[place], !context.versions.covers(before) {
            complain("something older was sent on one connection")
        }
        sent[place] = context.versions
        // After a resumption older states may come before newer ones.
        guard shown[place].map({ context.versions.covers($0.versions) }) ?? true else { return }
        shown[place] = Shown(versions: context.versions, value: json["value"]?.string)
    }

    private func key(of json: JSONValue) -> [UInt8]? {
        guard target.range != nil else { return target.base }
        // As it was written: text, or where that is none in base64.
        let sort = json["sort"]?.string.map { Array($0.utf8) } ?? json["sort_base64"]?.string.flatMap(Base64.decode)
        guard let sort, let base = try? StoredKey(decoding: target.base) else { return nil }
        return try? StoredKey(bucket: base.bucket, partitionKey: base.partitionKey, sortKey: sort).bytes
    }

    private mutating func complain(_ text: String) { complaint = complaint ?? "\(name): \(text)" }

    // MARK: The end

    /// What it was not sent of the state that all replicas have; nil if it knows all. `wall`: what has expired by then
    /// may still be shown, since nodes' clocks differ.
    func lack(of key: StoredKey, _ last: StoredObject, at wall: WallTime) -> String? {
        guard isWatched(key) else { return nil }
        let seen = shown[KeyBytes(key)]
        var standing = last
        standing.expire(at: wall)
        guard !standing.values.isEmpty || seen != nil else { return nil }
        // What it has seen may be lost since, with a disk: no later state will cover that.
        if let seen, !last.versions.covers(seen.versions) { return nil }
        guard let seen, seen.versions.covers(last.versions) else { return "was never sent the last state" }
        // One that has expired beside it may still be shown.
        guard standing.values.count == 1, case .value(let bytes)? = standing.values.first?.payload,
            seen.versions == last.versions, last.siblings.allSatisfy({ $0.expiresAt == nil })
        else { return nil }
        return seen.value == String(decoding: bytes, as: UTF8.self) ? nil : "shows \(seen.value ?? "nothing")"
    }

    private func isWatched(_ key: StoredKey) -> Bool {
        target.range.map { $0.contains(key.bytes) } ?? (key.bytes == target.base)
    }
}
