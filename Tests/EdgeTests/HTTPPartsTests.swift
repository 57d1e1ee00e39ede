// Small parts of the HTTP server beside what they must agree with: dates, Accept, the beginnings of request lines.

import Foundation
import Testing
import World

@testable import Edge

@Suite struct HTTPPartsTests {
    @Test func theDateIsThatOfTheSecond() {
        var date = HTTPDate()
        for ms in [1_000, 1_999, 2_000, 1_000] as [UInt64] {
            let wall = WallTime(milliseconds: ms)
            #expect(date.line(at: wall) == Array("date: \(CivilTime(wall).http)\r\n".utf8))
        }
    }

    @Test(
        arguments: [
            (nil, false), ("", false), ("*/*", false), ("application/json", false), ("text/html", false),
            ("multipart/mixed", true), ("Multipart/Mixed", true), ("multipart/*", true), ("multipart/mixed;q=0", false),
            ("multipart/mixed; Q=0.000", false), ("multipart/mixed;boundary=x;q=0", false),
            ("multipart/mixed, */*", true),
            ("multipart/mixed;q=0.5, application/json", false), ("multipart/mixed;q=0.5, application/json;q=0.4", true),
            ("application/json, multipart/mixed", true), ("multipart/*;q=0, */*", false),
            ("*/*;q=0.1, multipart/*", true),
            ("multipart/mixed;q=0, multipart/*", false), ("application/*;q=0, */*;q=0.1", true),
            ("multipart/mixedness", false), ("x-multipart/mixed", false), ("multipart/mixed;q=high", true),
        ] as [(String?, Bool)]) func partsComeToThoseWhoWantThem(_ accept: String?, _ isWanted: Bool)
    {
        #expect(AcceptHeader.prefersMultipart(accept) == isWanted)
    }

    @Test(
        arguments: [
            ("BREW / HTTP/1.1\r\n", "BREW"), ("BR", "BR"), ("get / HTTP/1.1\r\n", "get"), ("\r\n\r\nBREW /", "BREW"),
            ("GET / HTTP/1.1\r\n", "GET"), ("PROPFIND /", "PROPFIND"), ("BREW\r\n", nil), ("BREW\t/", nil), ("", nil),
            ("\u{16}\u{3}\u{1}", nil), ("GÉT /", nil),
            ("\(String(repeating: "M", count: 60)) /", String(repeating: "M", count: 24)), (" GET /", nil),
        ] as [(String, String?)]) func whatStandsInAMethodsPlaceIsTold(_ bytes: String, _ method: String?)
    {
        for piece in [1, 2, 1_000] {
            var line = RequestLineStart()
            line.begin()
            var rest = Array(bytes.utf8)[...]
            while !rest.isEmpty {
                rest.prefix(piece).withUnsafeBytes { line.take($0) }
                rest = rest.dropFirst(piece)
            }
            #expect(line.method == method)
        }
    }

    @Test func longTargetsAreTold() {
        for (length, isTooLong) in [(10, false), (Limits.targetBytes, false), (Limits.targetBytes + 20, true)] {
            var line = RequestLineStart()
            line.begin()
            for piece in ["\r\n", "GET /", String(repeating: "x", count: length), " HTTP/1.1\r\nx: "] {
                Array(piece.utf8).withUnsafeBytes { line.take($0) }
            }
            [UInt8](repeating: 0x68, count: 60_000).withUnsafeBytes { line.take($0) }
            #expect(line.isTargetTooLong == isTooLong)
        }
    }
}
