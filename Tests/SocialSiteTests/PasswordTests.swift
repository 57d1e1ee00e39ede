// Passwords: scrypt as RFC 7914 has it, PHC strings, and the thread that works them.

import Crypto
import Dispatch
import Social
import Synchronization
import Testing
import World

@testable import SocialSite

@Suite struct PasswordTests {
    private static let cheap = PasswordHash.Cost(logN: 4, block: 1, lanes: 1)

    private func hexadecimal(_ key: SymmetricKey?) -> String? {
        key?.withUnsafeBytes { $0.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
    }

    /// RFC 7914, 12; the last of its vectors takes 1 GiB.
    @Test(arguments: [
        (
            "", "", 4, 1, 1,
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        ),
        (
            "password", "NaCl", 10, 8, 16,
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
        (
            "pleaseletmein", "SodiumChloride", 14, 8, 1,
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        ),
    ])
    func isScrypt(_ password: String, _ salt: String, _ logN: Int, _ block: Int, _ lanes: Int, _ expected: String) {
        let cost = PasswordHash.Cost(logN: logN, block: block, lanes: lanes)
        #expect(hexadecimal(PasswordHash.derive(Array(password.utf8), Array(salt.utf8), cost, count: 64)) == expected)
    }

    @Test func aHashIsOfItsPassword() throws {
        let salt = Array(UInt8(0)..<16)
        guard case .made(let phc) = PasswordHash.answer(.make(password: Array("correct horse".utf8), salt: salt)) else {
            Issue.record("no hash was made")
            return
        }
        #expect(phc.hasPrefix("$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$"))
        for (password, isRight) in [("correct horse", true), ("correct hors", false), ("correct horse ", false)] {
            guard
                case .checked(let isOf, let isWeaker) = PasswordHash.answer(
                    .check(password: Array(password.utf8), phc: phc))
            else {
                Issue.record("it was not checked")
                continue
            }
            #expect(isOf == isRight && !isWeaker)
        }
        let weak = try #require(PasswordHash(Array("a".utf8), salt: salt, PasswordTests.cheap))
        guard case .checked(true, isWeaker: true) = PasswordHash.answer(.check(password: [0x61], phc: weak.phc)) else {
            Issue.record("\(weak.phc)")
            return
        }
    }

    /// Stored strings are read; what asks for gigabytes, or is none, is no password's.
    @Test func onlyHashesAreRead() throws {
        let good = try #require(PasswordHash(Array("a".utf8), salt: Array(UInt8(0)..<16), PasswordTests.cheap)).phc
        #expect(PasswordHash(phc: good)?.phc == good)
        let bad = [
            "", "$", "$$$$", good + "$", "x" + good, String(good.dropLast(40)),
            good.replacing("scrypt", with: "argon2id"),
            good.replacing("ln=4", with: "ln=18"), good.replacing("ln=4", with: "ln=0"),
            good.replacing("ln=4", with: "ln=-4"),
            good.replacing("ln=4", with: "ln=99999999999999999999"), good.replacing("r=1", with: "r=9"),
            good.replacing("p=1", with: "p=5"), good.replacing("p=1", with: "p=1,x=1"),
            good.replacing("r=1", with: "r=1 "),
            good.replacing("$AAEC", with: "$A*EC"), String(repeating: good, count: 9),
        ]
        for phc in bad {
            #expect(PasswordHash(phc: phc) == nil, "\(phc)")
            guard case .checked(false, isWeaker: false) = PasswordHash.answer(.check(password: [0x61], phc: phc)) else {
                Issue.record("\(phc)")
                continue
            }
        }
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            var bytes = Array(good.utf8)
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0x20...0x7E, using: &random)
            if let hash = PasswordHash(phc: String(decoding: bytes, as: UTF8.self)) {
                #expect(hash.cost.logN <= Limits.scryptLargestLogN && hash.cost.lanes <= Limits.scryptLargestLanes)
            }
        }
    }

    @Test func nothingIsHashedForNothing() {
        for password in [[], [UInt8](repeating: 0x61, count: Limits.passwordBytes + 1)] {
            guard case .overloaded = PasswordHash.answer(.make(password: password, salt: Array(UInt8(0)..<16))) else {
                Issue.record("\(password.count)")
                continue
            }
        }
    }

    /// While one job is being worked, 32 wait and the next is refused; who waits when the thread stops is told.
    @Test func theThreadIsBounded() async {
        let (begun, gate) = (Gate(), Gate())
        let thread = WorkThread<Int, Int?>(
            "test", waiting: 32, bytes: 1_000, overloaded: nil, size: { $0 },
            work: { job in
                begun.open()
                gate.wait()
                return job
            })
        let answers = Mutex<[Int?]>([])
        @Sendable func note(_ answer: Int?) { answers.withLock { $0.append(answer) } }
        thread.ask(1, note)
        begun.wait()
        for _ in 0..<32 { thread.ask(2, note) }
        #expect(answers.withLock { $0 } == [])
        thread.ask(3, note)
        #expect(answers.withLock { $0 } == [nil])
        let stopped = Gate()
        Task.detached {
            thread.stop()
            stopped.open()
        }
        // The thread ends its job before it ends.
        gate.open()
        stopped.wait()
        let all = answers.withLock { $0 }
        #expect(all.count == 34 && all.count { $0 == 1 } == 1 && !all.contains(3))
        thread.ask(4, note)
        #expect(answers.withLock { $0.last } == .some(nil))
    }

    @Test func largeJobsCountByTheirBytes() {
        let (begun, gate) = (Gate(), Gate())
        let thread = WorkThread<Int, Int?>(
            "test", waiting: 32, bytes: 1_000, overloaded: nil, size: { $0 },
            work: { job in
                begun.open()
                gate.wait()
                return job
            })
        let refused = Mutex(0)
        @Sendable func note(_ answer: Int?) { if answer == nil { refused.withLock { $0 += 1 } } }
        thread.ask(1, note)
        begun.wait()
        for _ in 0..<3 { thread.ask(400, note) }
        #expect(refused.withLock { $0 } == 1)
        gate.open()
        thread.stop()
    }
}

/// Opened once, by whoever; who waits for it goes on then.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }

    func wait() {
        semaphore.wait()
        semaphore.signal()
    }
}
