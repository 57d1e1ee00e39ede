// A client of the simulation: it reads Server-Sent Events as a browser does, and checks what it may rely on.

import DataTypes
import Causality
import JSON
import Keys
import World

@testable import Live

struct SimulatedClient {
    struct Shown {
        var versions: VersionVector
        var value: String?
    }

    let number: Int
    let target: LiveTarget
    /// By stored key: the last state that was taken over.
    private(set) var shown: [[UInt8]: Shown] = [:]
    /// Of this connection: the last that was sent, taken over or not.
    private var sent: [[UInt8]: VersionVector] = [:]
    private(set) var lastID: String?
    private(set) var isReady = false
    private(set) var events: [String: Int] = [:]
    private(set) var complaint: String?
    /// When each state arrived first.
    private(set) var arrivals: [(key: [UInt8], versions: VersionVector)] = []

    init(_ number: Int, _ target: LiveTarget) {
        self.number = number
        self.target = target
    }

    mutating func connect() {
        sent = [:]
        isReady = false
        arrivals = []
    }

    mutating func forgetArrivals() { arrivals = [] }

    mutating func read(_ pieces: [ArraySlice<UInt8>]) {
        let text = String(decoding: pieces.joined(), as: UTF8.self)
        for block in text.split(separator: "\n\n") where block != ":" {
            var fields: [String: String] = [:]
            for line in block.split(separator: "\n") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                fields[String(line[..<colon])] = String(line[colon...].dropFirst(2))
            }
            take(fields)
        }
    }

    private mutating func take(_ fields: [String: String]) {
        guard let event = fields["event"], let id = fields["id"], let data = fields["data"],
            let json = try? JSONValue.decode(Array(data.utf8))
        else { return complain("an event that cannot be read") }
        events[event, default: 0] += 1
        lastID = id
        switch event {
        case "reset": (shown, isReady) = ([:], false)
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
        let versions = context.versions
        if let before = sent[key], !versions.covers(before) { complain("something older was sent on one connection") }
        sent[key] = versions
        // After a resumption older states may come before newer ones.
        guard shown[key].map({ versions.covers($0.versions) }) ?? true else { return }
        shown[key] = Shown(versions: versions, value: json["value"]?.string)
        arrivals.append((key, versions))
    }

    private func key(of json: JSONValue) -> [UInt8]? {
        guard target.range != nil else { return target.base }
        guard let sort = json["sort"]?.string, let base = try? StoredKey(decoding: target.base) else { return nil }
        return try? StoredKey(bucket: base.bucket, partitionKey: base.partitionKey, sortKey: Array(sort.utf8)).bytes
    }

    private mutating func complain(_ text: String) { complaint = complaint ?? "client \(number): \(text)" }
}
