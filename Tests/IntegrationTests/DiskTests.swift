// Disks that fill, lie and belong to somebody else. Real LevelDB on a real file system; full disks on a small tmpfs.

import Foundation
import Glibc
import Testing

/// A file system of a few megabytes that is gone with its owner.
final class SmallDisk {
    let path: String

    /// Nil where this user may not mount.
    init?(_ path: String, megabytes: Int) {
        self.path = path
        guard mkdir(path, 0o700) == 0, mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else { return nil }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    var freeBytes: Int {
        var status = statvfs()
        return statvfs(path, &status) == 0 ? Int(status.f_bavail) * Int(status.f_bsize) : 0
    }

    func resize(megabytes: Int) throws {
        guard mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=\(megabytes)m") == 0 else {
            throw HarnessFailure("cannot remount \(path): \(errorText())")
        }
    }

    /// Fills what is left with a file, but for `spare` bytes.
    func fill(sparing spare: Int = 0) throws {
        let free = freeBytes - spare
        guard free > 0 else { return }
        let descriptor = open(path + "/ballast", O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        _ = posix_fallocate(descriptor, 0, off_t(free))
    }

    static let isPermitted: Bool = {
        guard let directory = try? TemporaryDirectory() else { return false }
        return SmallDisk(directory.path + "/probe", megabytes: 1) != nil
    }()
}

extension Integration {
    @Suite struct DiskTests {
        private func tables(in path: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: path + "/objects").filter { $0.hasSuffix(".ldb") }
                .map { "\(path)/objects/\($0)" }.sorted()
        }

        /// Flips a bit in the middle of every table file of a stopped node.
        private func damage(_ node: TestNode) throws {
            let files = try tables(in: node.dataPath)
            #expect(!files.isEmpty)
            for file in files {
                var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
                bytes[bytes.count / 3] ^= 0x10
                try Data(bytes).write(to: URL(fileURLWithPath: file))
            }
        }

        @Test(.enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted to this user"))
        func aFullDiskRefusesWritesAndLosesNone() throws {
            let directory = try TemporaryDirectory()
            let disk = try #require(SmallDisk(directory.path + "/disk", megabytes: 72))
            let cluster = try TestCluster.single(data: disk.path + "/data")
            defer { cluster.end() }
            let node = cluster[0]
            try cluster.start()
            let connection = try node.connect()
            var written: [Int: [UInt8]] = [:]
            func value(_ i: Int) -> [UInt8] {
                // Random, so that no compression makes room.
                var random = SystemRandomNumberGenerator()
                return (0..<12_500).flatMap { _ in withUnsafeBytes(of: random.next() as UInt64) { Array($0) } }
                    + Array("\(i)".utf8)
            }
            // While a table is made of a log, both are there: what is refused for that long is taken again after it.
            var refused: Response?
            var refusals = 0
            for i in 0..<1_000 where refusals < 30 {
                let body = value(i)
                let answer = try connection.request("PUT", "/v1/kv/full/k\(i)", body: body)
                if answer.status == 201 {
                    written[i] = body
                    refusals = 0
                } else {
                    refused = answer
                    refusals += 1
                    Thread.sleep(forTimeInterval: 0.1)
                }
            }
            let answer = try #require(refused)
            #expect(answer.status == 507)
            #expect(answer["content-type"] == "application/problem+json")
            #expect(answer.json["type"] as? String == "/problems/disk-full")
            #expect(written.count > 50)
            for (i, body) in written { #expect(try connection.request("GET", "/v1/kv/full/k\(i)").body == body) }
            // 44 MiB of 72 are kept free.
            #expect(try node.metric("atoll_disk_free_ratio") ?? 1 < 0.7)
            // Deletions have a reserve of their own: else nobody could make room.
            for i in 0..<50 {
                #expect(try connection.request("DELETE", "/v1/kv/full/k\(i)").status == 204)
                #expect(try connection.request("GET", "/v1/kv/full/k\(i)").status == 404)
                written[i] = nil
            }
            #expect(try connection.request("PUT", "/v1/kv/full/more", body: value(0)).status == 507)

            node.kill()
            try disk.resize(megabytes: 144)
            try node.start()
            try node.awaitHealth()
            let after = try node.connect()
            for (i, body) in written { #expect(try after.request("GET", "/v1/kv/full/k\(i)").body == body) }
            #expect(try after.request("PUT", "/v1/kv/full/more", body: [1]).status == 201)
        }

        @Test(.enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted to this user"))
        func aDiskWithNoRoomAtAllFailsNobodyElse() throws {
            let directory = try TemporaryDirectory()
            let disk = try #require(SmallDisk(directory.path + "/disk", megabytes: 64))
            let cluster = try TestCluster.three()
            defer { cluster.end() }
            // The same ring with the second node's directory on the small disk.
            let path = try #require(cluster.ringPath)
            let victim = TestNode(
                cluster[1].name, http: cluster[1].httpPort, peer: cluster[1].peerPort, data: disk.path + "/data",
                in: directory.path,
                arguments: ["--ring", path, "--node", cluster[1].name])
            defer { victim.end() }
            try cluster[0].start()
            try cluster[2].start()
            try victim.start()
            try cluster.awaitUnity()
            let load = Load("full", on: [cluster[0], cluster[2]])
            try load.awaitProgress(100)
            // Something else takes all the room. It takes no client's write any more; should a repair need room all
            // the same it stops at once. Either way the others go on, and it has everything when there is room again.
            try disk.fill()
            try load.awaitProgress(300)
            if let status = victim.process?.status {
                #expect(status == .exited(74))
                #expect(victim.log.contains("storage failed; the node stops now"))
            } else {
                victim.kill()
            }
            try load.awaitProgress(100)
            let report = load.stop()
            #expect(report.failures == [])
            unlink(disk.path + "/ballast")
            try victim.start()
            try cluster.awaitUnity()
            try cluster.awaitIdentical(report.promises, within: 60)
        }

        /// The other replicas' hints for a full disk wait, instead of filling it up.
        @Test(.enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted to this user"))
        func aDiskNearlyFullIsNotFilledByHints() throws {
            let directory = try TemporaryDirectory()
            let disk = try #require(SmallDisk(directory.path + "/disk", megabytes: 128))
            let cluster = try TestCluster.three(moving: 2, to: disk.path + "/data")
            defer { cluster.end() }
            try cluster.start()
            let victim = cluster[2]
            try disk.fill(sparing: 52 << 20)
            let connection = try cluster[0].connect()
            var promises: [String: Promise] = [:]
            var random = SystemRandomNumberGenerator()
            // 50 MB that no compressor makes smaller; the disk has 52 left.
            for i in 0..<250 {
                let text = (0..<12_500).map { _ in String(random.next() as UInt64, radix: 16) }.joined()
                let answer = try connection.request("PUT", "/v1/kv/flood/k\(i)", body: Array(text.utf8))
                #expect(answer.status == 201)
                promises["flood/k\(i)"] = Promise(value: text)
                #expect(victim.isRunning)
            }
            try eventually("hints wait", within: 5) {
                try cluster[0].metric("atoll_hints") ?? 0 > 0 || cluster[1].metric("atoll_hints") ?? 0 > 0
            }
            #expect(victim.isRunning && !victim.log.contains("storage failed"))
            #expect(disk.freeBytes > 12 << 20)
            #expect(try victim.request("PUT", "/v1/kv/flood/k0?w=all&strict=true", body: [1]).status == 503)
            #expect(try victim.request("DELETE", "/v1/kv/flood/k249?w=all&strict=true").status == 204)
            promises["flood/k0"] = nil
            promises["flood/k249"] = nil
            unlink(disk.path + "/ballast")
            try disk.resize(megabytes: 512)
            try cluster.awaitIdentical(promises, within: 60)
        }

        @Test(.enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted to this user"))
        func aDiskThatIsFullAtTheStartIsToBeTriedAgain() throws {
            let directory = try TemporaryDirectory()
            let disk = try #require(SmallDisk(directory.path + "/disk", megabytes: 64))
            let cluster = try TestCluster.single(data: disk.path + "/data")
            defer { cluster.end() }
            let node = cluster[0]
            func expectRefusal() throws {
                try node.start()
                #expect(try node.process?.wait(within: 15) == .exited(75))
                #expect(node.log.contains("The disk is full: make room"), "\(node.log)")
            }
            try disk.fill()
            for _ in 0..<2 { try expectRefusal() }
            unlink(disk.path + "/ballast")
            try cluster.start()
            try node.put("start/k", "v")
            #expect(try node.stop() == .exited(0))
            try disk.fill()
            for _ in 0..<2 { try expectRefusal() }
            unlink(disk.path + "/ballast")
            try node.start()
            try node.awaitHealth()
            #expect(try node.get("start/k").text == "v")
        }

        @Test func aDamagedStoreIsMovedAsideAndRebuiltFromPeers() throws {
            let cluster = try TestCluster.three()
            defer { cluster.end() }
            try cluster.start()
            let load = Load("damage", on: cluster.nodes)
            try load.awaitProgress(400)
            let report = load.stop()
            #expect(report.failures == [])
            try cluster.awaitIdentical(report.promises, within: 30)
            let victim = cluster[2]
            // A start writes what the log holds into tables.
            #expect(try victim.stop() == .exited(0))
            try victim.start()
            try victim.awaitHealth()
            #expect(try victim.stop() == .exited(0))
            try damage(victim)
            try victim.start()
            // Its return alone makes the others compare with it; nobody reads a key.
            let status = try victim.process?.wait(within: 40)
            #expect(status == .exited(74))
            #expect(victim.log.contains("storage failed; the node stops now") && victim.log.contains("orruption"))
            for node in [cluster[0], cluster[1]] { #expect(try cluster.broken(report.promises, through: node) == []) }
            try victim.start()
            try cluster.awaitUnity()
            let aside = try FileManager.default.contentsOfDirectory(atPath: victim.dataPath).filter {
                $0.hasPrefix("objects.damaged-")
            }
            #expect(aside.count == 1)
            try cluster.awaitIdentical(report.promises, within: 60)
            #expect(try cluster.broken(report.promises, through: victim, query: "?r=1") == [])
        }

        @Test func aDamagedLoneNodeNeverAnswersWrong() throws {
            let cluster = try TestCluster.single()
            defer { cluster.end() }
            let node = cluster[0]
            try cluster.start()
            let connection = try node.connect()
            for i in 0..<300 {
                #expect(
                    try connection.request("PUT", "/v1/kv/lone/k\(i)", body: Array("value \(i)".utf8)).status == 201)
            }
            #expect(try node.stop() == .exited(0))
            try node.start()
            try node.awaitHealth()
            #expect(try node.stop() == .exited(0))
            let intact = try tables(in: node.dataPath).map { ($0, try Data(contentsOf: URL(fileURLWithPath: $0))) }
            try damage(node)
            try node.start()
            try node.awaitHealth()
            // Some key meets the damage; until then every answer is right, and from then on there are none.
            for i in 0..<300 {
                guard let answer = try? node.get("lone/k\(i)") else { break }
                #expect(answer.status == 200 && answer.text == "value \(i)")
            }
            #expect(try node.process?.wait(within: 5) == .exited(74))
            #expect(node.log.contains("storage failed; the node stops now"))
            // Without peers nothing is thrown away and nothing is begun anew: the operator decides.
            for _ in 0..<2 {
                try node.start()
                #expect(try node.process?.wait(within: 15) == .exited(2))
                #expect(node.log.contains("damaged") && node.log.contains("no peers"))
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: node.dataPath)
            #expect(names.contains("objects") && !names.contains { $0.hasPrefix("objects.damaged") })
            #expect(try tables(in: node.dataPath).count == intact.count)
        }

        @Test func aDirectoryThatIsSomebodyElsesIsRefused() throws {
            let cluster = try TestCluster.three()
            defer { cluster.end() }
            try cluster.start()
            try cluster[0].put("mine/k?w=all", "v")
            let ring = try #require(cluster.ringPath)
            for node in cluster.nodes { #expect(try node.stop() == .exited(0)) }
            let other = try CommandRun([
                "serve", "--ring", ring, "--node", cluster[1].name, "--data", cluster[0].dataPath,
            ])
            #expect(other.status == .exited(2))
            #expect(other.output.contains("belongs to node \(cluster[0].name)"))
            let stranger = try TestCluster.single(data: cluster[0].dataPath)
            try stranger[0].start()
            #expect(try stranger[0].process?.wait(within: 10) == .exited(2))
            #expect(stranger[0].log.contains("of cluster testing"))
            unlink(cluster[0].dataPath + "/identity.json")
            let nameless = try CommandRun([
                "serve", "--ring", ring, "--node", cluster[0].name, "--data", cluster[0].dataPath,
            ])
            #expect(nameless.status == .exited(2) && nameless.output.contains("identity.json"))
            try Data("{".utf8).write(to: URL(fileURLWithPath: cluster[1].dataPath + "/identity.json"))
            let broken = try CommandRun([
                "serve", "--ring", ring, "--node", cluster[1].name, "--data", cluster[1].dataPath,
            ])
            #expect(broken.status == .exited(2) && broken.output.contains("cannot read"))
        }

        @Test func aSecondProcessOnTheSameDirectoryIsRefused() throws {
            let cluster = try TestCluster.single()
            defer { cluster.end() }
            try cluster.start()
            try cluster[0].put("twice/k", "v")
            let second = try TestCluster.single(data: cluster[0].dataPath)
            defer { second.end() }
            for _ in 0..<2 {
                try second[0].start()
                #expect(try second[0].process?.wait(within: 10) == .exited(2))
                #expect(second[0].log.contains("in use by another process"))
            }
            #expect(try cluster[0].get("twice/k").text == "v")
            #expect(try cluster[0].put("twice/k", "w").status == 204)
            cluster[0].kill()
            try cluster[0].start()
            try cluster[0].awaitHealth()
            #expect(try cluster[0].get("twice/k").text == "w")
        }
    }
}
