// The namestore under random schedules of faults: every history must be linearizable, name by name, and exactly
// checked.

import NameStore
import Simulator
import Testing
import World

@Suite struct NamesModelTests {
    /// A few hundred of the 20,000 seeds of `make sim`; in parts, so that they run side by side.
    @Test(arguments: 0..<6) func drawnSeedsHold(_ part: UInt64) {
        var total = NamesReport()
        for seed in (1 + part * 50)...(50 + part * 50) {
            let report = NamesModel.run(.drawn(seed))
            #expect(report.violations.isEmpty, "seed \(seed): \(report.violations)")
            total.answered += report.answered
            total.crashes += report.crashes
            total.reconfigurationsDone += report.reconfigurationsDone
            total.wipes += report.wipes
        }
        // A model in which nothing happens finds nothing.
        #expect(total.answered > 2_500)
        #expect(total.crashes > 50)
        #expect(total.reconfigurationsDone > 50)
        #expect(total.wipes > 5)
    }

    @Test func aRunIsAFunctionOfItsSeed() {
        let runs = (0..<2).map { _ -> (NamesReport, [String]) in
            var model = NamesModel(.drawn(7))
            model.runToEnd()
            return (model.report, model.history.indices.map { model.story(of: $0) })
        }
        #expect(runs[0].1 == runs[1].1)
        #expect(runs[0].0.messages == runs[1].0.messages)
        #expect(runs[0].0.events == runs[1].0.events)
    }
}
