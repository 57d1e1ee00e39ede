// How a node shares out the files that it may have open.

import Testing
import World

@testable import Server

@Suite struct DescriptorBudgetTests {
    @Test func everyPartFitsUnderTheLimit() throws {
        for nodes in [1, 3, 7, 100] {
            for limit in [2_048, 4_096, 65_536, 1 << 20] {
                guard let budget = try? DescriptorBudget(limit: limit, nodes: nodes, loops: 2) else {
                    #expect(nodes == 100 && limit < 4_096)
                    continue
                }
                let peers = (nodes - 1) * 4 + budget.peerConnections
                let stores = 2 * budget.objectFiles + 2 * Limits.smallestStoreFiles
                #expect(stores + peers + budget.httpConnections < limit)
                #expect(budget.httpConnections >= 64 && budget.httpConnections <= Limits.httpConnections)
                #expect((Limits.smallestStoreFiles...512).contains(budget.objectFiles))
            }
        }
    }

    @Test func clientsHaveTheRestAndNoMoreThanTheirLimit() throws {
        func clients(_ limit: Int) throws -> Int {
            try DescriptorBudget(limit: limit, nodes: 1, loops: 1).httpConnections
        }
        let limit = try #require((16_384...32_768).first { try clients($0) == Limits.httpConnections })
        #expect(try clients(limit - 1) == Limits.httpConnections - 1)
        #expect(try clients(limit + 1) == Limits.httpConnections)
        #expect(try clients(1 << 20) == Limits.httpConnections)
    }

    @Test func tooFewAreRefusedWithTheNumberThatIsNeeded() {
        let failure = #expect(throws: StartFailure.self) { try DescriptorBudget(limit: 256, nodes: 3, loops: 1) }
        #expect(failure?.description.contains("256 files open") == true)
        #expect(failure?.description.contains("ulimit -n") == true)
    }
}
