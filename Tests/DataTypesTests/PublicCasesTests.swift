// The public collection of cases of JSON patches, json-patch-tests, where its files are at hand.

import Foundation
import JSON
import Testing

@testable import DataTypes

@Suite struct PublicCasesTests {
    static let cases = ProcessInfo.processInfo.environment["ATOLL_JSON_PATCH_CASES"]

    @Test(.enabled(if: cases != nil, "ATOLL_JSON_PATCH_CASES names no directory of json-patch-tests"))
    func thePublicCasesHold() throws {
        let directory = URL(fileURLWithPath: try #require(PublicCasesTests.cases))
        var count = 0
        for file in ["tests.json", "spec_tests.json"] {
            // Two disabled cases have a member twice, which our reader refuses: Foundation takes one of them.
            let text = try JSONSerialization.jsonObject(
                with: try Data(contentsOf: directory.appendingPathComponent(file)))
            let bytes = [UInt8](try JSONSerialization.data(withJSONObject: text))
            for one in try JSONValue.decode(bytes).array ?? [] where one["disabled"] != .bool(true) {
                let document = try #require(one["doc"])
                let patch = try #require(one["patch"]).encode()
                count += 1
                let name = one["comment"]?.string ?? String(decoding: patch, as: UTF8.self)
                if let expected = one["expected"] {
                    let result = try PatchStep.apply(try PatchStep.decode(patch), to: document)
                    #expect(result.isEqual(to: expected), "\(name)")
                } else if one["error"] != nil {
                    #expect(throws: PatchError.self, "\(name)") {
                        try PatchStep.apply(try PatchStep.decode(patch), to: document)
                    }
                } else {
                    _ = try PatchStep.apply(try PatchStep.decode(patch), to: document)
                }
            }
        }
        #expect(count > 100)
    }
}
