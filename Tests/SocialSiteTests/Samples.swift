// Sample values for every page, from pages.json, which the browser's tests show as well.

import Foundation
import JSON
import Social
import Testing

@testable import SocialSite

struct Sample: Sendable, CustomTestStringConvertible {
    let file: String
    let page: Page

    var testDescription: String { file }

    static let all: [Sample] = (try? read()) ?? []

    private static func read() throws -> [Sample] {
        let place = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("pages.json")
        let samples = try JSONValue.decode(Array(Data(contentsOf: place)))
        let every = try #require(samples["every"])
        let cards = try #require(samples["cards"])
        return try (samples["pages"]?.array ?? []).map { sample in
            var members: [JSONValue.Member] = []
            guard case .object(let own) = sample["values"], case .object(let common) = every else {
                return try missing()
            }
            for member in own {
                let isCards = member.name == "items" && member.value.string == "cards"
                members.append(isCards ? JSONValue.Member("items", cards) : member)
            }
            members += common.filter { one in !own.contains { $0.name == one.name } }
            return Sample(
                file: try #require(sample["file"]?.string),
                page: Page(try #require(sample["page"]?.string), .object(members)))
        }
    }

    private static func missing() throws -> Sample { try #require(nil as Sample?) }

    static func named(_ file: String) throws -> Page { try #require(all.first { $0.file == file }?.page) }
}

extension JSONValue {
    /// With another value in place of each.
    func mapped(_ body: (_ name: String, JSONValue) -> JSONValue?, name: String = "") -> JSONValue {
        if let other = body(name, self) { return other }
        return switch self {
        case .array(let elements): .array(elements.map { $0.mapped(body, name: name) })
        case .object(let members):
            .object(members.map { Member($0.name, $0.value.mapped(body, name: $0.name)) })
        default: self
        }
    }

    /// Without a member.
    func without(_ path: [String]) -> JSONValue {
        guard case .object(let members) = self, let first = path.first else { return self }
        if path.count == 1 { return .object(members.filter { $0.name != first }) }
        return .object(
            members.map { $0.name == first ? Member($0.name, $0.value.without(Array(path.dropFirst()))) : $0 })
    }

    func with(_ name: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.filter { $0.name != name } + [Member(name, value)])
    }
}
