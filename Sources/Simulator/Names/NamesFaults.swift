// What goes wrong in the model: every shape of partition, crashes, pauses, lost and damaged disks, and acceptors
// replaced in the middle of all that.

import NameStore
import World

extension NamesModel {
    mutating func scheduleFaults() {
        let kinds: [(NamesFault, Span?)] = [
            (.partition, settings.partitions), (.crash, settings.crashes), (.pause, settings.pauses),
            (.wipe, settings.wipes), (.corrupt, settings.corruptions), (.reconfigure, settings.reconfigurations),
        ]
        for (fault, mean) in kinds {
            guard let mean else { continue }
            events.insert(.fault(fault), at: .origin + settings.calm + random.exponential(mean: mean))
        }
    }

    mutating func inject(_ fault: NamesFault) {
        guard !isEnding else { return }
        let next: Span?
        switch fault {
        case .partition:
            next = settings.partitions
            partition()
            events.insert(.heal, at: instant + random.exponential(mean: .seconds(1)))
        case .crash:
            next = settings.crashes
            // Now and then everything at once: a country without power.
            let all = random.chance(0.1)
            for index in nodes.indices where all || random.chance(1 / Double(nodes.count)) { goDown(index) }
        case .pause:
            next = settings.pauses
            let index = Int.random(in: nodes.indices, using: &random)
            let end = instant + random.exponential(mean: .milliseconds(800))
            nodes[index].pausedUntil = end
            events.insert(.resume(index), at: end)
        case .wipe:
            next = settings.wipes
            wipeSome()
        case .corrupt:
            next = settings.corruptions
            corruptSome()
        case .reconfigure:
            next = settings.reconfigurations
            reconfigureSome()
        }
        if let next { events.insert(.fault(fault), at: instant + random.exponential(mean: next)) }
    }

    private mutating func goDown(_ index: Int) {
        guard nodes[index].isUp else { return }
        crash(index)
        events.insert(.restart(index), at: instant + random.exponential(mean: .milliseconds(700)))
    }

    // MARK: Network

    private mutating func partition() {
        let count = nodes.count
        heal()
        switch Int.random(in: 0..<5, using: &random) {
        case 0:  // Two sides.
            let side = (0..<count).map { _ in random.chance(0.5) }
            for a in 0..<count { for b in 0..<count { cut[a][b] = side[a] != side[b] } }
        case 1:  // One alone.
            let alone = Int.random(in: 0..<count, using: &random)
            for other in 0..<count where other != alone { (cut[alone][other], cut[other][alone]) = (true, true) }
        case 2:  // One hears, and isn't heard; or the other way round.
            let mute = Int.random(in: 0..<count, using: &random)
            let inward = random.chance(0.5)
            for other in 0..<count where other != mute {
                if inward { cut[other][mute] = true } else { cut[mute][other] = true }
            }
        case 3:  // Two sides and a bridge between them.
            let bridge = Int.random(in: 0..<count, using: &random)
            let side = (0..<count).map { _ in random.chance(0.5) }
            for a in 0..<count where a != bridge {
                for b in 0..<count where b != bridge { cut[a][b] = side[a] != side[b] }
            }
        default:  // Any link.
            for a in 0..<count { for b in 0..<count where a != b { cut[a][b] = random.chance(0.35) } }
        }
    }

    mutating func heal() {
        for a in cut.indices { for b in cut.indices { cut[a][b] = false } }
    }

    // MARK: Disks

    /// The latest configuration that any acceptor has.
    var latest: Configuration? {
        nodes.compactMap { node in
            node.store.record(of: StoreLayout.header).flatMap { try? StoreHeader(decoding: $0) }?.configuration
        }.max { $0.epoch < $1.epoch }
    }

    /// Whether `index` is the last of the ring file's acceptors that belongs to the cluster. An operator who empties
    /// that one too asks for a new cluster, and gets it.
    private func isLastFounded(_ index: Int) -> Bool {
        let founded = nodes.indices.filter { other in
            let header = nodes[other].store.record(of: StoreLayout.header)
            return ring.contains(nodes[other].id)
                && header.flatMap { try? StoreHeader(decoding: $0) }?.configuration != nil
        }
        return founded.isEmpty || founded == [index]
    }

    private func store(of index: Int) -> StoreID? {
        nodes[index].store.record(of: StoreLayout.header).flatMap { try? StoreHeader(decoding: $0) }?.store
    }

    /// Whether losing one more store leaves every set of the latest configuration a majority.
    private func mayLose(_ index: Int) -> Bool {
        guard settings.keepsMajority else { return true }
        guard let latest, let store = store(of: index) else { return false }
        return [latest.acceptors, latest.successors ?? []].allSatisfy { set in
            let lost = set.count { damaged.contains($0.store) || $0.store == store }
            return set.count - lost >= set.count / 2 + 1 || !set.contains { $0.store == store }
        }
    }

    private mutating func wipeSome() {
        let index = Int.random(in: nodes.indices, using: &random)
        guard mayLose(index), !isLastFounded(index) else { return }
        if let store = store(of: index) { damaged.append(store) }
        goDown(index)
        seams.wipe(&nodes[index].store)
        report.wipes += 1
    }

    private mutating func corruptSome() {
        let index = Int.random(in: nodes.indices, using: &random)
        guard mayLose(index), let key = nodes[index].store.recordKeys.randomElement(using: &random) else { return }
        if let store = store(of: index) { damaged.append(store) }
        goDown(index)
        let bit = random.next()
        nodes[index].store.edit { found, value in
            guard found == key, !value.isEmpty else { return value }
            var changed = value
            changed[Int(bit % UInt64(value.count))] ^= 1 << UInt8(bit >> 32 & 7)
            return changed
        }
        report.corruptions += 1
    }

    private mutating func reconfigureSome() {
        let up = nodes.indices.filter { nodes[$0].isUp }
        guard let driver = up.randomElement(using: &random) else { return }
        let sizes = [1, 3, 3, 3, 5, 5].filter { $0 <= nodes.count }
        let size = sizes.randomElement(using: &random) ?? 1
        let targets = nodes.map(\.id).shuffled(using: &random).prefix(size)
        withRegistry(driver) { $0.reconfigure(0, to: Array(targets), now: $1) }
        report.reconfigurationsBegun += 1
    }
}
