// The calendar beside Foundation's.

import Foundation
import Testing
import World

@Suite struct CivilTimeTests {
    private let leaps: [UInt64] = [
        0, 951_782_399, 951_782_400, 951_868_800, 1_709_164_800, 4_107_456_000, 4_107_542_400,
    ]

    @Test func timesAreFoundations() {
        #expect(CivilTime(WallTime(milliseconds: 784_111_777_000)).http == "Sun, 06 Nov 1994 08:49:37 GMT")
        let formatters = ["EEE, dd MMM yyyy HH:mm:ss 'GMT'", "yyyy-MM-dd'T'HH:mm:ss'Z'"].map { format in
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(identifier: "GMT")
            formatter.dateFormat = format
            return formatter
        }
        var random = SeededRandom(seed: 15)
        for second in leaps + (0..<3_000).map({ _ in UInt64.random(in: 0..<253_402_300_800, using: &random) }) {
            let wall = WallTime(milliseconds: second * 1_000)
            let date = Date(timeIntervalSince1970: Double(second))
            #expect([CivilTime(wall).http, CivilTime(wall).rfc3339] == formatters.map { $0.string(from: date) })
            #expect(CivilTime.wall(rfc3339: CivilTime(wall).rfc3339) == wall)
        }
        #expect(CivilTime(WallTime(milliseconds: .max)).rfc3339 == "9999-12-31T23:59:59Z")
    }

    @Test(arguments: [
        "", "2026-11-26", "2026-11-26T05:12:09", "2026-11-26T05:12:09z", "2026-11-26 05:12:09Z", "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "1969-12-31T23:59:59Z", "+026-01-01T00:00:00Z",
    ]) func otherSpellingsAreNone(text: String) {
        #expect(CivilTime.wall(rfc3339: text) == nil)
    }
}
