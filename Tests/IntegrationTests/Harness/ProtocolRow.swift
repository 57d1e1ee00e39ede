// One row of a table of requests: bytes in, answers out, and whether the connection goes on after them.

import Foundation

struct ProtocolRow: Sendable {
    /// The section of RFC 9110 or 9112 and what it demands.
    let rule: String
    let request: [UInt8]
    let statuses: [Int]
    let goesOn: Bool
    /// The method of each request, as far as it decides how its answer is read.
    let method: String
    /// Of the last answer: the end of its problem's type, and header lines that stand there, or do not.
    let problem: String?
    let headers: [String: String?]
    let body: String?

    /// A status of 400 and above that a parser or a check of the head gives ends the connection; say `goesOn` where it
    /// is another's.
    init(
        _ rule: String, _ request: String, _ statuses: Int..., goesOn: Bool? = nil, method: String = "GET",
        problem: String? = nil, headers: [String: String?] = [:], body: String? = nil
    ) {
        self.rule = rule
        // What is above 0x7F is a byte, not a character.
        self.request = request.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        self.statuses = statuses
        self.goesOn = goesOn ?? ((statuses.last ?? 0) < 400)
        self.method = method
        self.problem = problem
        self.headers = headers
        self.body = body
    }

    /// What is not as it should be; empty if all is.
    func findings(on node: TestNode) -> [String] {
        do {
            let connection = try node.connect(timeout: 8)
            // Refused before it is all sent, the rest may meet a closed socket.
            try? connection.send(request)
            var findings: [String] = []
            for (number, status) in statuses.enumerated() {
                let answer = try connection.response(to: method)
                guard answer.status == status else {
                    findings.append(
                        "answer \(number + 1) is \(answer.status), not \(status): \(answer.text.prefix(200))")
                    break
                }
                if status != 100, answer["date"] == nil { findings.append("no Date") }
                if number == statuses.count - 1 { findings += self.findings(in: answer) }
            }
            return try findings + (findings.isEmpty ? end(connection) : [])
        } catch { return ["\(error)"] }
    }

    private func findings(in answer: Response) -> [String] {
        var findings: [String] = []
        if let problem, answer.json["type"] as? String != "/problems/\(problem)" {
            findings.append("not of the type \(problem): \(answer.text)")
        }
        for (name, value) in headers where answer[name] != value {
            findings.append("\(name) is \(answer[name] ?? "absent"), not \(value ?? "absent")")
        }
        if let body, answer.text != body { findings.append("the body is \(answer.text.prefix(100))") }
        return findings
    }

    private func end(_ connection: Connection) throws -> [String] {
        guard goesOn else {
            let rest = try connection.readToEnd()
            return rest.isEmpty ? [] : ["more came: \(String(decoding: rest.prefix(200), as: UTF8.self))"]
        }
        let next = try connection.request("GET", "/healthz")
        return next.status == 200 && next.text == "ok\n" ? [] : ["the next answer is \(next.status)"]
    }
}
