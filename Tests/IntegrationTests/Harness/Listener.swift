// A client of live reads as people have one: `curl -N`, whose output is read as it grows.

import Foundation

final class Listener {
    struct Event {
        let name: String
        let id: String
        let data: [String: Any]

        var value: String? { data["value"] as? String }
        var sort: String? { data["sort"] as? String }
    }

    private let process: ChildProcess

    /// - Parameter target: behind `/v1/live`.
    init(_ node: TestNode, _ target: String, after id: String? = nil, in cluster: TestCluster) throws {
        let header = id.map { ["-H", "Last-Event-ID: \($0)"] } ?? []
        let output = "\(cluster.directory.path)/listener-\(UInt64.random(in: 0 ... .max))"
        process = try ChildProcess(
            "curl", ["-sN", "-g"] + header + ["\(node.url)/v1/live\(target)"], output: output, input: [])
    }

    deinit { process.end() }

    func end() { process.end() }

    /// Its connection was ended by the node.
    func awaitEnd(within seconds: Double) throws { try process.wait(within: seconds) }

    /// All that have come whole.
    var events: [Event] {
        process.output.components(separatedBy: "\n\n").dropLast().compactMap { block in
            var fields: [String: String] = [:]
            for line in block.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2, !parts[0].isEmpty { fields[String(parts[0])] = String(parts[1].dropFirst()) }
            }
            guard let name = fields["event"], let id = fields["id"] else { return nil }
            let json = try? JSONSerialization.jsonObject(with: Data((fields["data"] ?? "").utf8))
            return Event(name: name, id: id, data: json as? [String: Any] ?? [:])
        }
    }

    func awaitReady(within seconds: Double = 15) throws {
        try self.await("that all that stood is there", within: seconds) { $0.name == "ready" }
    }

    @discardableResult
    func await(_ what: String, within seconds: Double, _ isIt: (Event) -> Bool) throws -> Event {
        do {
            return try eventually(what, within: seconds, every: 0.01) { self.events.first(where: isIt) }
        } catch { throw HarnessFailure("\(error); shown: \(process.output.suffix(2_000))") }
    }

    /// The last value shown of each item, nil where it was removed.
    var items: [String: String?] {
        var items: [String: String?] = [:]
        for event in events {
            switch event.name {
            case "reset": items = [:]
            case "item": if let sort = event.sort { items[sort] = .some(event.value) }
            case "removed": if let sort = event.sort { items[sort] = .some(nil) }
            default: break
            }
        }
        return items
    }
}
