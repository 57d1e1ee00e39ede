// One seed of people at sites, played from start to verdict.

import World

extension Simulation {
    /// People at the sites of the nodes, and nothing else.
    package static func runSocial(seed: UInt64, mutant: Mutant? = nil) -> Verdict {
        run(Scenario(socialOf: seed), mutant)
    }
}
