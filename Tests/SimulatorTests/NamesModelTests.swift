// The namestore under random schedules of faults: every history must be linearizable, name by name.

import NameStore
import Simulator
import Testing
import World

@Suite struct NamesModelTests {
    @Test func drawnSeeds() {
        var total = NamesReport()
        for seed in UInt64(0)..<20 {
            let report = NamesModel.run(.drawn(seed))
            print(seed, report)
            #expect(report.violations.isEmpty, "seed \(seed): \(report.violations)")
            total.messages += report.messages
        }
    }
}
