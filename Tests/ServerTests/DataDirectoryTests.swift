// Which life begins in a data directory: the old one goes on only where the store holds all that was acknowledged in
// it.

import Foundation
import LevelDB
import Ring
import Storage
import Testing
import World

@testable import Server

@Suite struct DataDirectoryTests {
    /// What may have happened to a directory since its node ran, and whether the incarnation stays.
    enum Past: String, CaseIterable, Sendable {
        case nothing, lockAndLogTouched
        case killed, found, copied, copiedOverItself, restoredFromBefore, storeAbsent, storeEmpty, writtenByOthers
        case largeCopied, largeAbsent, largeRestoredFromBefore
        case olderFormat

        var mayGoOn: Bool { self == .nothing || self == .lockAndLogTouched }
    }

    private func apply(_ past: Past, to node: StoppedNode) throws {
        let files = FileManager.default
        let objects = node.path + "/objects"
        let aside = node.path + "/aside"
        switch past {
        case .nothing, .killed: break
        case .lockAndLogTouched:
            for name in ["LOCK", "LOG"] { try Damage.missing.apply(to: "\(objects)/\(name)") }
        case .found: try DataDirectory(path: node.path).markDamaged("objects", "found")
        case .copied:
            try files.copyItem(atPath: objects, toPath: aside)
            try files.removeItem(atPath: objects)
            try files.moveItem(atPath: aside, toPath: objects)
        case .copiedOverItself:
            // The same directory and the same inodes, as `cp` into place leaves them.
            for name in try node.names("objects") where name != "large" {
                let data = try Data(contentsOf: URL(fileURLWithPath: "\(objects)/\(name)"))
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(objects)/\(name)"))
                try handle.write(contentsOf: data)
                try handle.close()
            }
        case .restoredFromBefore:
            try files.copyItem(atPath: objects, toPath: aside)
            let opened = try node.open()
            try opened.stores.objects.commit([.put(key: [1], value: [1])], synced: true)
            try opened.end(counter: StoppedNode.counter + 1)
            try files.removeItem(atPath: objects)
            try files.moveItem(atPath: aside, toPath: objects)
        case .storeAbsent: try files.removeItem(atPath: objects)
        case .storeEmpty:
            for name in try node.names("objects") { try files.removeItem(atPath: "\(objects)/\(name)") }
        case .largeCopied:
            try files.copyItem(atPath: objects + "/large", toPath: aside)
            try files.removeItem(atPath: objects + "/large")
            try files.moveItem(atPath: aside, toPath: objects + "/large")
        case .largeAbsent: try files.removeItem(atPath: objects + "/large")
        case .largeRestoredFromBefore:
            try files.copyItem(atPath: objects + "/large", toPath: aside)
            let opened = try node.open()
            let large = [UInt8](repeating: 1, count: Limits.apartBytes)
            try opened.stores.objects.commit([.put(key: [1], value: large)], synced: true)
            try opened.end(counter: StoppedNode.counter + 1)
            try files.removeItem(atPath: objects + "/large")
            try files.moveItem(atPath: aside, toPath: objects + "/large")
        case .writtenByOthers: _ = try LevelDBStore(path: objects)
        case .olderFormat:
            let old = """
                {"cleanStop": {"counter": 77, "device": 1, "inode": 2}, "cluster": "islands", "format": 1,
                 "generation": \(node.lastIdentity.generation), "incarnation": \(node.lastIdentity.incarnation),
                 "node": "\(node.node.name)"}
                """
            try Data(old.utf8).write(to: URL(fileURLWithPath: node.path + "/identity.json"))
        }
    }

    @Test(arguments: Past.allCases) func theIncarnationStaysOnlyWhereNothingCanBeMissing(_ past: Past) throws {
        let node = try StoppedNode(.peers, past == .killed ? .crash : .clean)
        try apply(past, to: node)
        let last = node.lastIdentity
        do {
            let opened = try node.open()
            #expect((opened.identity.incarnation == last.incarnation) == past.mayGoOn)
            #expect(opened.identity.incarnation >= last.incarnation)
            #expect(opened.identity.generation > last.generation)
            #expect(opened.counter == (past.mayGoOn ? StoppedNode.counter : 0))
            // It is on the disk before anything is minted, and while the node runs there is no clean stop.
            #expect(try node.identity().incarnation == opened.identity.incarnation)
            #expect(try node.identity().cleanStop == nil)
            try opened.end(counter: 5)
            #expect(try node.identity().cleanStop?.counter == max(5, opened.counter))
        }
        // The new life goes on like any other.
        let again = try node.open()
        #expect(again.counter >= 5)
    }

    /// An image of a whole disk has the old inodes and times. It goes on from a generation that the others have seen.
    @Test func aLifeThatGoesOnTakesTheNextGeneration() throws {
        let node = try StoppedNode(.peers)
        let opened = try node.open()
        #expect(opened.identity.generation == node.lastIdentity.generation + 1)
    }

    /// A disk that was put back, on a machine whose clock stands before all the lives since: an incarnation of one of
    /// them, minted under again, would give two writes one dot.
    @Test func aLifeAboveAnotherHasAnIncarnationOfItsOwn() throws {
        let node = try StoppedNode(.peers)
        let known = node.lastIdentity.generation + 1_000_000_000_000
        try DataDirectory(path: node.path).beginAbove(known)
        let opened = try node.open()
        #expect(opened.identity.generation > known)
        #expect(opened.identity.incarnation > known, "no incarnation up to then is above its life's generation")
    }

    /// A start that fails once the stores are open has used nothing up: the next one is as good.
    @Test func aStartThatIsBrokenOffBeginsANewLife() throws {
        let node = try StoppedNode(.peers)
        let directory = try DataDirectory(path: node.path)
        let claim = try directory.claim(cluster: node.ring.cluster, node: node.node)
        #expect(claim.counter == StoppedNode.counter && claim.distrusted.isEmpty)
        #expect(try node.identity().cleanStop == nil)
        let opened = try node.open()
        #expect(opened.identity.incarnation > node.lastIdentity.incarnation)
        #expect(try node.movedAside("objects") == 0 && node.count(in: opened) == StoppedNode.keys)
    }

    @Test func oneProcessHasADirectory() throws {
        let node = try StoppedNode(.alone)
        let opened = try node.open()
        let before = try Data(contentsOf: URL(fileURLWithPath: node.path + "/identity.json"))
        let failure = #expect(throws: StartFailure.self) { _ = try node.open() }
        #expect(failure?.description.contains("in use by another process") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: node.path + "/identity.json")) == before)
        #expect(try node.count(in: opened) == StoppedNode.keys)
    }

    /// Whoever moves the damaged store away, or puts a backup in its place, is not told of the damage again.
    @Test(arguments: [true, false]) func aLoneNodeStartsOnceItsOperatorHasActed(_ hasBackup: Bool) throws {
        let node = try StoppedNode(.alone)
        let files = FileManager.default
        let objects = node.path + "/objects"
        try files.copyItem(atPath: objects, toPath: node.path + "/backup")
        try DataDirectory(path: node.path).markDamaged("objects", "found")
        for _ in 0..<2 { #expect(throws: StartFailure.self) { _ = try node.open() } }
        try files.moveItem(atPath: objects, toPath: node.path + "/bad")
        if hasBackup { try files.moveItem(atPath: node.path + "/backup", toPath: objects) }
        let opened = try node.open()
        #expect(try node.count(in: opened) == (hasBackup ? StoppedNode.keys : 0))
        #expect(opened.identity.incarnation > node.lastIdentity.incarnation)
    }

    // MARK: Numbers from files

    private static let wrong: [UInt64] = [
        .max, .max - 1, 1 << 63, Limits.gossipCounter, Limits.gossipCounter - 1,
    ]

    @Test(arguments: wrong, ["generation", "incarnation", "counter"])
    func aNumberThatNoNodeReachesIsRefused(_ number: UInt64, _ member: String) throws {
        let node = try StoppedNode(.peers)
        var identity = try node.identity()
        switch member {
        case "generation": identity.generation = number
        case "incarnation": identity.incarnation = number
        default: identity.cleanStop?.counter = number
        }
        let first = """
            {"cluster": "islands", "format": 1, "generation": \(identity.generation),
             "incarnation": \(identity.incarnation), "node": "\(node.node.name)"}
            """
        for bytes in [Data(try identity.encode()), Data(first.utf8)] where bytes.count > 300 || member != "counter" {
            try bytes.write(to: URL(fileURLWithPath: node.path + "/identity.json"))
            let failure = #expect(throws: StartFailure.self) { _ = try node.open() }
            #expect(failure?.status == .operator)
            #expect(failure?.description.contains("\(member) \(number) is beyond") == true)
        }
    }

    @Test func theLargestNumbersThatAreTakenDoNotTrap() throws {
        let node = try StoppedNode(.peers)
        var identity = try node.identity()
        identity.generation = Limits.gossipCounter - 2
        identity.incarnation = Limits.gossipCounter - 2
        identity.cleanStop = nil
        try Data(try identity.encode()).write(to: URL(fileURLWithPath: node.path + "/identity.json"))
        do {
            let opened = try node.open()
            #expect(opened.identity.generation == Limits.gossipCounter - 1)
        }
        #expect(throws: StartFailure.self) { _ = try node.open() }
    }

    /// Each bit of the file: it is refused, or says what it said.
    @Test func noFlippedBitOfTheIdentityGoesUnseen() throws {
        let node = try StoppedNode(.peers)
        let identity = try node.identity()
        let bytes = try identity.encode()
        for place in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[place] ^= 1 << UInt8(bit)
                var damaged: [String] = []
                let read = try? NodeIdentity(decoding: Data(flipped), damaged: &damaged)
                #expect(
                    read == nil || read?.cleanStop == identity.cleanStop && read?.incarnation == identity.incarnation)
            }
        }
    }

    @Test func whatTheFirstFormatCallsDamagedIsMovedAside() throws {
        let node = try StoppedNode(.peers)
        let old = """
            {"cluster": "islands", "damaged": ["objects"], "format": 1, "generation": 7, "incarnation": 6,
             "node": "\(node.node.name)"}
            """
        try Data(old.utf8).write(to: URL(fileURLWithPath: node.path + "/identity.json"))
        let opened = try node.open()
        #expect(try node.movedAside("objects") == 1 && node.count(in: opened) == 0)
    }

    /// What the version before wrote, large values and all in one LevelDB: it is opened as it is, and goes on.
    @Test func aDirectoryWithoutTheOtherStoreGoesOn() throws {
        let node = try StoppedNode(.alone)
        let objects = node.path + "/objects"
        var writes: [StoreWrite] = []
        for index in 0..<StoppedNode.keys { writes.append(.put(key: node.key(index), value: node.value(index))) }
        try FileManager.default.removeItem(atPath: objects)
        do {
            let store = try LevelDBStore(path: objects)
            try store.commit(writes, synced: true)
            store.close()
        }
        var identity = try node.identity()
        let inventory = try #require(try StoreInventory(of: objects))
        identity.format = 2
        identity.cleanStop = NodeIdentity.CleanStop(counter: 9, inventory: inventory)
        try Data(try identity.encode()).write(to: URL(fileURLWithPath: node.path + "/identity.json"))
        do {
            let opened = try node.open()
            #expect(opened.counter == 9 && opened.identity.incarnation == identity.incarnation)
            #expect(try node.count(in: opened) == StoppedNode.keys)
            let (key, value) = (node.key(5), node.value(5))
            try opened.stores.objects.commit([.put(key: key, value: value, over: value.count)], synced: true)
            try opened.end(counter: 10)
        }
        let opened = try node.open()
        #expect(try opened.counter == 10 && node.count(in: opened) == StoppedNode.keys)
        #expect(try node.identity().format == 3)
    }

    @Test func aNewerFormatIsRefused() throws {
        let node = try StoppedNode(.peers)
        try Data("{\"format\": 4, \"lives\": []}".utf8).write(
            to: URL(fileURLWithPath: node.path + "/identity.json"))
        let failure = #expect(throws: StartFailure.self) { _ = try node.open() }
        #expect(failure?.description.contains("format 4") == true)
    }
}
