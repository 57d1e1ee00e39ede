// How a node shares out the memory that it may use.

import Testing
import World

@testable import Server

@Suite struct MemoryBudgetTests {
    private func budget(_ limit: Int?, usual: Int = 0, nodes: Int = 3) throws -> MemoryBudget {
        try MemoryBudget(limit: limit, usual: usual, nodes: nodes, loops: 2, shards: 1)
    }

    /// Whatever the node has, all of it full is no more than it may use.
    @Test func allTogetherStayBelowTheLimit() throws {
        for (nodes, loops, shards) in [(1, 1, 1), (1, 2, 1), (3, 2, 1), (3, 16, 8), (64, 16, 16)] {
            func total(_ limit: Int) throws -> Int {
                try MemoryBudget(limit: limit, nodes: nodes, loops: loops, shards: shards)
                    .totalBytes(nodes: nodes, loops: loops, shards: shards)
            }
            var shared = 0
            for shift in 24...40 {
                for limit in [1 << shift, 3 << (shift - 1)] {
                    guard let total = try? total(limit) else { continue }
                    #expect(total <= limit, "\(nodes) nodes, \(loops) loops, \(limit >> 20) MiB")
                    // Little of it is left to nobody, until each has enough.
                    if total > 400 << 20, limit < 1 << 30 { #expect(total > limit / 3) }
                    shared += 1
                }
            }
            #expect(shared > 10)
        }
    }

    @Test func withPlentyEachHasWhatSuitsIt() throws {
        let rich = try budget(16 << 30)
        #expect(rich.objects == MemoryBudget.Store(Limits.blockCacheBytes, Limits.writeBufferBytes))
        #expect(rich.largeObjects == MemoryBudget.Store(0, Limits.largeBufferBytes.upperBound))
        #expect(rich.readCacheBytes == Limits.readCacheBytes && rich.clientBytes == Limits.clientBytes)
        #expect(rich.trailingBytes == Limits.trailingBytes && rich.httpConnections == Limits.httpConnections)
        #expect(rich.mailbox.bytes == Limits.mailboxBytes && rich.mailbox.repairBytes == Limits.mailboxRepairBytes)
        #expect(rich.peerQueueBytes == Limits.peerQueueBytes && rich.typedCacheBytes == Limits.typedCacheBytes)
        #expect(try budget(nil, usual: 16 << 30) == rich)
    }

    @Test func withLessEachHasLess() throws {
        let (small, larger) = (try budget(400 << 20), try budget(800 << 20))
        #expect(small.objects.cacheBytes < larger.objects.cacheBytes)
        #expect(small.objects.writeBufferBytes < Limits.writeBufferBytes)
        #expect(small.clientBytes < larger.clientBytes && small.clientBytes >= Limits.leastClientBytes)
        #expect(small.typedCacheBytes < larger.typedCacheBytes)
        #expect(small.mailboxBytes < larger.mailboxBytes && small.httpConnections < larger.httpConnections)
    }

    @Test func tooLittleIsRefusedWithWhatIsNeeded() throws {
        let failure = #expect(throws: StartFailure.self) { try budget(200 << 20) }
        #expect(failure?.description.contains("--memory gives it 200 MiB") == true)
        // A small machine runs a node all the same.
        let least = try budget(nil, usual: 100 << 20)
        #expect(least.clientBytes == Limits.leastClientBytes)
        #expect(least.totalBytes(nodes: 3, loops: 2, shards: 1) < 320 << 20)
        #expect(try budget(200 << 20, nodes: 1).clientBytes > Limits.leastClientBytes)
    }
}

extension MemoryBudget.Store {
    fileprivate init(_ cacheBytes: Int, _ writeBufferBytes: Int) {
        self.init(cacheBytes: cacheBytes, writeBufferBytes: writeBufferBytes)
    }
}
