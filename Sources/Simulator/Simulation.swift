// One seed, played from start to verdict.

package import Social
package import World

package struct Verdict: Sendable {
    package let seed: UInt64
    /// Of everything that happened.
    package let trace: UInt64
    package let violations: [String]
    package let requests: Int
    package let acknowledged: Int
    package let nameRequests: Int
    let namesAnswered: Int
    /// Changes of acceptors that came to their end.
    package let reconfigurations: Int
    package let nodes: Int
    /// From healing until all was the same again; nil if it never was.
    package let healing: Span?
    package let counts: PlayCounts
    /// What sites have done.
    package var social = SocialFigures()
}

package enum Simulation {

    /// Plays the scenario of `seed`, with a bug planted if `mutant` names one. The same arguments give the same
    /// verdict.
    package static func run(seed: UInt64, mutant: Mutant? = nil) -> Verdict {
        if mutant?.isOfSocial ?? false { return runSocial(seed: seed, mutant: mutant) }
        return mutant?.isOfNames ?? false
            ? runNames(seed: seed, mutant: mutant, madeFor: mutant) : run(Scenario(seed: seed), mutant)
    }

    /// The same for names alone: with more faults, and `madeFor` a mutant with those that it needs to show itself.
    package static func runNames(seed: UInt64, mutant: Mutant? = nil, madeFor: Mutant? = nil) -> Verdict {
        run(Scenario(namesOf: seed, for: madeFor), mutant)
    }

    static func run(_ scenario: Scenario, _ mutant: Mutant?) -> Verdict {
        let seed = scenario.seed
        do {
            var cluster = try SimulatedCluster(scenario: scenario, mutant: mutant)
            try cluster.run(until: .origin + scenario.length)
            try cluster.heal()
            let healedAt = cluster.now
            // Requests in flight end first, and every link is up again.
            try cluster.run(until: healedAt + .milliseconds(2_500))
            while cluster.load.isWaited, cluster.now < healedAt + Workload.longestTimeout {
                try cluster.run(until: cluster.now + .milliseconds(100))
            }
            let healing = try settle(&cluster, healedAt)
            try cluster.lookAtNames()
            if scenario.social != nil { try cluster.finishSocial() }
            // A write that is answered may still have been on its way to the last of its replicas.
            let isAtRest = try settle(&cluster, scenario.social == nil ? healedAt : cluster.now) != nil
            try listen(&cluster)
            cluster.finish(isAtRest: isAtRest)
            return Verdict(
                seed: seed, trace: cluster.trace.value, violations: cluster.checker.violations,
                requests: cluster.checker.requests + cluster.social.people.answers,
                acknowledged: cluster.checker.acknowledged + cluster.social.people.promises,
                nameRequests: cluster.nameLoad.requests, namesAnswered: cluster.nameLoad.answered,
                reconfigurations: cluster.reconfigurations, nodes: scenario.nodes, healing: healing,
                counts: cluster.ledger.counts, social: cluster.socialFigures)
        } catch {
            return Verdict(
                seed: seed, trace: 0, violations: ["the simulation itself failed: \(error)"], requests: 0,
                acknowledged: 0, nameRequests: 0, namesAnswered: 0, reconfigurations: 0, nodes: scenario.nodes,
                healing: nil, counts: PlayCounts())
        }
    }

    /// Lets listeners hear what they have not heard yet.
    private static func listen(_ cluster: inout SimulatedCluster) throws {
        let end = cluster.now + Limits.simulatedListening
        while cluster.unheard != nil, cluster.now < end {
            try cluster.run(until: cluster.now + .milliseconds(500))
        }
    }

    /// Lets the cluster come to rest. How long that took since `healedAt`; nil if it does not.
    private static func settle(_ cluster: inout SimulatedCluster, _ healedAt: Instant) throws -> Span? {
        while cluster.unsettled != nil {
            guard cluster.now - healedAt < Limits.simulatedHealing else { return nil }
            try cluster.run(until: cluster.now + .milliseconds(500))
        }
        return cluster.now - healedAt
    }
}
