// Every file that a node keeps × every way in which it may be found × every store × with peers or alone: what the next
// start does. docs/formats/data-directory.md has the table in words.

import Foundation
import HintedHandoff
import Logging
import Ring
import Storage
import Testing
import World

@testable import Server

@Suite struct DamageTableTests {
    /// What a start makes of a store.
    private enum Outcome: Equatable, CustomStringConvertible {
        /// It goes on with all of it, in the old life.
        case keepsAll
        /// It goes on with what there is, in a new life.
        case beginsLife
        /// The store is moved aside, and a new life begins with an empty one.
        case movesAside
        /// It runs, and ends when it meets the damage; then the store is moved aside.
        case movesAsideOnceRead
        /// It does not start (or ends, and does not start again), with status 2 and all files where they were.
        case stops

        var description: String {
            switch self {
            case .keepsAll: "keeps all"
            case .beginsLife: "begins a life"
            case .movesAside: "moves aside"
            case .movesAsideOnceRead: "moves aside once read"
            case .stops: "stops"
            }
        }
    }

    private func expected(
        _ file: StoreFile, of store: String, _ damage: Damage, _ stop: LastStop, _ company: Company
    ) -> Outcome {
        let damaged: Outcome = company == .alone ? .stops : .movesAside
        switch (file, damage) {
        case (.lock, _): return stop == .clean ? .keepsAll : .beginsLife
        case (.table, .missing): return damaged
        case (.table, .flipped): return company == .alone ? .stops : .movesAsideOnceRead
        // After a crash a log that ends early is what a torn write leaves; it was synced to there, for all one knows.
        case (.log, .empty), (.log, .cut):
            guard stop == .crash else { return damaged }
            // But no large value is missing where its key is there.
            return store == "objects" ? .beginsLife : company == .alone ? .stops : .movesAsideOnceRead
        // A start looks for the notes on large values, and for those that were under way.
        default: return damaged
        }
    }

    private func outcome(of node: StoppedNode, _ company: Company) throws -> Outcome {
        let before = node.lastIdentity
        do {
            let opened = try node.open()
            if try node.movedAside("objects") > 0 {
                #expect(opened.identity.incarnation > before.incarnation && opened.counter == 0)
                #expect(try node.count(in: opened) == 0)
                return .movesAside
            }
            do {
                let left = try node.count(in: opened)
                if opened.identity.incarnation == before.incarnation {
                    #expect(left == StoppedNode.keys && opened.counter == StoppedNode.counter)
                    #expect(opened.identity.generation == before.generation + 1)
                    return .keepsAll
                }
                #expect(opened.counter == 0)
                return .beginsLife
            } catch let failure as StorageFailure {
                #expect(failure.kind == .corruption, "\(failure)")
                try opened.directory.markDamaged("objects", "\(failure)")
            }
        } catch let failure as StartFailure {
            #expect(failure.status == .operator && failure.description.contains("is damaged"), "\(failure)")
            return .stops
        }
        // As the node does that is started again.
        do {
            let opened = try node.open()
            #expect(try node.movedAside("objects") == 1)
            #expect(opened.identity.incarnation > before.incarnation && opened.counter == 0)
            return .movesAsideOnceRead
        } catch let failure as StartFailure {
            #expect(failure.status == .operator && failure.description.contains("is damaged"), "\(failure)")
            return .stops
        }
    }

    @Test(arguments: StoreFile.allCases, Damage.allCases)
    func objects(_ file: StoreFile, _ damage: Damage) throws { try check("objects", file, damage) }

    @Test(arguments: StoreFile.allCases, Damage.allCases)
    func largeObjects(_ file: StoreFile, _ damage: Damage) throws { try check("objects/large", file, damage) }

    private func check(_ store: String, _ file: StoreFile, _ damage: Damage) throws {
        for stop in LastStop.allCases {
            for company in Company.allCases {
                let node = try StoppedNode(company, stop)
                let files = try node.files(store, file)
                #expect(!files.isEmpty)
                for file in files { try damage.apply(to: file) }
                let tables = try node.names(store).filter(StoreFile.table.matches)
                let found = try outcome(of: node, company)
                #expect(
                    found == expected(file, of: store, damage, stop, company), "\(file) \(damage), \(stop), \(company)")
                guard found == .stops else { continue }
                // Again and again, and nothing is thrown away meanwhile.
                for _ in 0..<2 { #expect(throws: StartFailure.self) { _ = try node.open() } }
                #expect(try Set(tables).isSubset(of: node.names(store)) || file == .table)
                #expect(try node.movedAside("objects") == 0)
            }
        }
    }

    /// Hints are copies: the node starts whatever they are, and nothing of its own life depends on them.
    @Test(arguments: StoreFile.allCases, Damage.allCases)
    func hints(_ file: StoreFile, _ damage: Damage) throws {
        for stop in LastStop.allCases {
            for company in Company.allCases {
                let node = try StoppedNode(company, stop)
                for file in try node.files("hints", file) { try damage.apply(to: file) }
                let opened = try node.open()
                #expect(try node.count(in: opened) == StoppedNode.keys)
                #expect((opened.identity.incarnation == node.lastIdentity.incarnation) == (stop == .clean))
                let isKept = file == .lock || file == .log && (damage == .empty || damage == .cut)
                #expect(try node.movedAside("hints") == (isKept ? 0 : 1), "\(file) \(damage), \(stop), \(company)")
                let left = opened.stores.keeper.total.hints
                #expect(file == .lock ? left == StoppedNode.keys : left < StoppedNode.keys)
                #expect(isKept || left == 0)
                #expect(opened.stores.keeper.unreadable == 0)
            }
        }
    }

    @Test(arguments: Damage.allCases, LastStop.allCases)
    func identity(_ damage: Damage, _ stop: LastStop) throws {
        for company in Company.allCases {
            let node = try StoppedNode(company, stop)
            try damage.apply(to: node.path + "/identity.json")
            let before = try node.names("objects")
            let failure = #expect(throws: StartFailure.self) { _ = try node.open() }
            #expect(failure?.status == .operator && failure?.description.contains("identity.json") == true)
            #expect(try node.names("objects") == before)
        }
    }

    /// The kept ring is only asked for when the seed is away; what cannot be used is said, and nothing else is used.
    @Test(arguments: Damage.allCases) func ring(_ damage: Damage) async throws {
        let node = try StoppedNode(.peers)
        let directory = try DataDirectory(path: node.path)
        let nobody = try #require(HostPort("127.0.0.1:1"))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try directory.replace(directory.ringFile, with: node.ring.encode())
        #expect(
            try await SeedClient.fetchRing(from: nobody, as: node.node, dataPath: node.path, logger: logger)
                == node.ring)
        try damage.apply(to: directory.ringFile)
        let found = try? await SeedClient.fetchRing(from: nobody, as: node.node, dataPath: node.path, logger: logger)
        // A flipped bit may leave a readable document. It is another one, and nodes with different documents refuse
        // each other.
        #expect(found.map { damage == .flipped && RingSnapshot($0).digest != RingSnapshot(node.ring).digest } ?? true)
    }
}
