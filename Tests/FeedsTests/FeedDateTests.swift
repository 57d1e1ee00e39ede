// Times in all the forms that feeds and servers have them.

@testable import Feeds
import Foundation
import Testing
import World

@Suite struct FeedDateTests {
    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"), ("06 Nov 94 08:49 EST", "1994-11-06T13:49:00Z"),
            ("Sunday, 6 November 1994 8:49:37 +0130", "1994-11-06T07:19:37Z"),
            ("Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"), ("Nov 6, 1994", "1994-11-06T00:00:00Z"),
            ("1994-11-06T08:49:37Z", "1994-11-06T08:49:37Z"), ("1994-11-06t08:49:37.999z", "1994-11-06T08:49:37Z"),
            ("1994-11-06T08:49:37-05:00", "1994-11-06T13:49:37Z"),
            ("1994-11-06 08:49:37 +0100", "1994-11-06T07:49:37Z"),
            ("1994-11-06", "1994-11-06T00:00:00Z"), ("1994-11", "1994-11-01T00:00:00Z"),
            ("1994", "1994-01-01T00:00:00Z"),
            ("2003-05-02T10:00+00:00", "2003-05-02T10:00:00Z"), ("29 Feb 2024 23:59:60 UTC", "2024-02-29T23:59:59Z"),
            ("Tue, 31 Dec 2069 00:00:00 GMT", "2069-12-31T00:00:00Z"), ("1 Jan 70 00:00 GMT", "1970-01-01T00:00:00Z"),
            ("Mon, 01 Sept 2008 00:00:00 GMT", "2008-09-01T00:00:00Z"),
            ("", nil), ("yesterday", nil), ("1969-12-31T23:00:00Z", nil), ("1994-13-06", nil), ("32 Nov 1994", nil),
            ("06 Nov 1994 25:00:00 GMT", nil), ("99999999999999999999", nil), ("Nov", nil), ("1994-11-06T8", nil),
            ("--", nil), (":", nil), ("1994-11-06T08:49:37.", "-"),
        ] as [(String, String?)])
    func isRead(text: String, expected: String?) {
        let found = FeedDate.read(text).map { CivilTime($0).rfc3339 }
        if expected == "-" { return }
        #expect(found == expected, "\(text)")
    }

    @Test func whatIsWrittenIsRead() {
        var random = SeededRandom(seed: 16)
        for _ in 0..<3_000 {
            let time = WallTime(milliseconds: UInt64.random(in: 0..<253_402_300_800, using: &random) * 1_000)
            #expect(FeedDate.read(CivilTime(time).http) == time)
            #expect(FeedDate.read(CivilTime(time).rfc3339) == time)
        }
    }

    @Test func anyTextIsTaken() {
        var random = SeededRandom(seed: 2)
        let pieces = Array("0123456789:+-TZ ,.JanNovGMTé").map(String.init)
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...24, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            if let time = FeedDate.read(text) { #expect(time.milliseconds < 253_402_387_200_000, "\(text)") }
        }
    }
}
