// A node that asks a seed for its ring: nothing is written into a directory that is not this node's.

import Foundation
import Logging
import Ring
import RingFile
import Testing
import World

@testable import Server

@Suite struct SeedClientTests {
    private let directory: DataDirectory
    private let node = NodeID(literal: "n1")

    init() throws {
        let path = FileManager.default.temporaryDirectory.path + "/atoll-seed-\(UUID().uuidString)"
        directory = try DataDirectory(path: path)
    }

    private func ring(_ cluster: String, _ node: String = "n1") throws -> RingDocument {
        try RingDocument.compile(
            ringFile: """
                cluster = "\(cluster)"
                partitions = 4
                [country.de]
                [[node]]
                id = "\(node)"
                country = "de"
                peer = "127.0.0.1:1"
                http = "127.0.0.1:2"
                capacity = "1TB"
                """, fileName: "f")
    }

    private func own(_ cluster: String, _ name: String) throws {
        let node = try #require(NodeID(name))
        let claim = try directory.claim(cluster: cluster, node: node)
        _ = try directory.begin(claim, objectsAreKept: false, wall: WallTime(milliseconds: 1_000))
    }

    private func remove() { try? FileManager.default.removeItem(atPath: directory.path) }

    @Test func aRingOfTheDirectorysClusterIsKept() throws {
        defer { remove() }
        let document = try ring("atolls")
        try directory.keep(document.encode(), of: document, for: node)
        #expect(directory.keptRing() == document.encode())
        try own("atolls", "n1")
        try directory.keep(document.encode(), of: document, for: node)
    }

    @Test(arguments: [("others", "n1"), ("atolls", "n2")])
    func aDirectoryOfAnotherKeepsItsRing(cluster: String, name: String) throws {
        defer { remove() }
        try own(cluster, name)
        try directory.replace(directory.ringFile, with: [1, 2, 3])
        let document = try ring("atolls")
        #expect(throws: StartFailure.self) { try directory.keep(document.encode(), of: document, for: node) }
        #expect(directory.keptRing() == [1, 2, 3])
    }

    @Test func aRingWithoutThisNodeIsNotKept() throws {
        defer { remove() }
        let document = try ring("atolls", "n9")
        #expect(throws: StartFailure.self) { try directory.keep(document.encode(), of: document, for: node) }
        #expect(directory.keptRing() == nil)
    }

    /// Nothing listens there: the directory's owner is looked at before the seed is asked.
    @Test func anotherNodesKeptRingIsNotTaken() async throws {
        defer { remove() }
        try own("atolls", "n2")
        let document = try ring("atolls")
        try directory.replace(directory.ringFile, with: document.encode())
        let nowhere = try #require(HostPort("127.0.0.1:1"))
        do {
            _ = try await SeedClient.fetchRing(
                from: nowhere, as: node, dataPath: directory.path, logger: Logger(label: "test"))
            #expect(Bool(false), "another node's directory was used")
        } catch { #expect("\(error)".contains("belongs to node n2 of cluster atolls")) }
    }
}
