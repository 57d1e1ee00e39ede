// The header lines of an answer, in the order and in the bytes in which they travel.

import JSON
import Keys
import Causality
import DataTypes
import Gateway
import Ring
import World

/// Header lines in the bytes that travel; names in lower case.
struct HeaderLines: Sendable {
    private(set) var bytes: [UInt8] = []

    /// Room for the lines of most answers: context, account, content type, date.
    init() { bytes.reserveCapacity(280) }

    /// A value may be a client's (a content type): what could end its line becomes a blank.
    mutating func add(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(0x3A)
        bytes.append(0x20)
        let start = bytes.count
        bytes.append(contentsOf: value.utf8)
        for place in start..<bytes.count where bytes[place] < 0x20 || bytes[place] == 0x7F { bytes[place] = 0x20 }
        bytes.append(0x0D)
        bytes.append(0x0A)
    }
}

extension HeaderLines {
    /// A line that is written already.
    mutating func add(line: [UInt8]) { bytes.append(contentsOf: line) }

    /// The `Atoll-Acks` header (docs/HTTP.md): how many replicas, where, how many by hint, and the level. Written in
    /// bytes, as it stands in every answer.
    mutating func add(_ account: Account) {
        append("atoll-acks: replicas=")
        append(account.tally.count)
        append("; countries=")
        for (place, country) in account.tally.countries.enumerated() {
            if place > 0 { append(",") }
            bytes.append(contentsOf: country.utf8)
        }
        append("; hinted=")
        append(account.tally.hinted)
        append("; level=")
        bytes.append(contentsOf: account.level.description.utf8)
        append(account.reached ? "; reached=true\r\n" : "; reached=false\r\n")
    }

    /// The `Atoll-Context` header, in bytes likewise.
    mutating func add(_ context: CausalContext, for key: StoredKey) {
        append("atoll-context: ")
        bytes.append(base64: context.encode(for: key.bytes))
        append("\r\n")
    }

    private mutating func append(_ text: StaticString) { bytes.append(text) }

    private mutating func append(_ number: Int) {
        if (0...9).contains(number) {
            bytes.append(0x30 + UInt8(number))
        } else {
            bytes.append(contentsOf: String(number).utf8)
        }
    }
}
