// How nodes of a simulated cluster die and come back, and what becomes of their disks.

import Gossip
import Node
import Ring
import Storage
import World

extension SimulatedCluster {
    // MARK: Going down

    /// The process ends at once, or the machine loses power.
    mutating func crash(_ node: Int) {
        guard machines[node].node != nil else { return }
        loseTail(node)
        checker.powerLost(machines[node].identity)
        takeDown(node)
    }

    /// What was not synced may be gone, and what was under way may be there: the log ends somewhere among them, and a
    /// batch that it ends in is not there at all.
    private mutating func loseTail(_ node: Int) {
        let (unsynced, commits) = (machines[node].disk.objects.unsyncedCommits, machines[node].commits)
        machines[node].commits = []
        let kept = Int.random(in: 0...unsynced + commits.count, using: &random)
        let lost = max(0, unsynced - kept)
        if lost > 0 { ledger.add(.commitLost) }
        machines[node].disk.objects.crash(losing: lost)
        machines[node].disk.hints.crash(losing: Int.random(in: 0...3, using: &random))
        machines[node].disk.names.store.crash(losing: Int.random(in: 0...3, using: &random))
        if random.chance(0.3) { machines[node].disk.names.losePower() }
        for (place, commit) in commits.enumerated() where mutant != .ackBeforeSync {
            guard unsynced + place < kept else {
                ledger.add(.commitTorn)
                if commit.store == .objects, random.chance(0.5) {
                    ledger.add(.commitHalfDone)
                    machines[node].disk.objects.beginOnly(commit.writes)
                }
                continue
            }
            ledger.add(.commitOutlivedCrash)
            try? apply(commit, node)
        }
        machines[node].disk.objects.loseDrops(Int.random(in: 0...3, using: &random))
    }

    /// Everything that was begun is done first.
    mutating func stopCleanly(_ node: Int) throws {
        guard let stopping = machines[node].node, machines[node].stoppedUntil <= now else { return }
        let commits = machines[node].commits
        machines[node].commits = []
        do { for commit in commits { try apply(commit, node) } } catch { return crash(node) }
        machines[node].disk.cleanStop = stopping.counter
        takeDown(node)
    }

    private mutating func takeDown(_ node: Int) {
        machines[node].node = nil
        machines[node].stoppedUntil = .origin
        load.gatewayCrashed(node)
        for client in nameLoad.gatewayCrashed(node) where isFaulty { rest(client) }
        listenersLost(node)
        closeSite(node)
        network.removeLinks(of: node)
        // The others notice in their own time.
        for number in network.standing(where: { $0.server == node }) {
            schedule(.reset(number), after: .milliseconds(Int64(random.unit() * 3_000)))
        }
    }

    /// The process has ended itself, and is started again.
    mutating func die(_ node: Int) {
        crash(node)
        startSoon(node, within: .seconds(2))
    }

    // MARK: Coming back

    mutating func startSoon(_ node: Int, within span: Span) {
        schedule(.start(node), after: .milliseconds(Int64(random.unit() * span.inMilliseconds)))
    }

    mutating func start(_ node: Int) throws {
        guard machines[node].node == nil, let storeIsKept = try openStores(node) else { return }
        machines[node].life += 1
        let life = machines[node].life
        let counter = beginLife(node, storeIsKept: storeIsKept)
        var control = ControlConfiguration(repairCycle: .seconds(8))
        control.gossip.fanOut = 2
        let disk = machines[node].disk
        let birth = SimulatedNode.Birth(
            revision: "life \(life)", incarnation: disk.life.incarnation, counter: counter,
            generation: disk.life.generation, ring: machines[node].ring,
            disk: disk, loops: scenario.loops, shards: scenario.shards, places: scenario.places,
            mailbox: scenario.mailbox, ledger: ledger,
            names: try openNames(node), mintedEntries: scenario.mintedEntries, hintSpace: scenario.hintSpace,
            mutant: mutant?.typed,
            live: scenario.live)
        machines[node].node = try SimulatedNode(
            machines[node].identity, birth, control: control, random: random.fork(), now: now)
        schedule(.tick(node, life: life), after: .milliseconds(Int64(random.unit() * 50)))
        try step(node, .name(.votes(.start)))
        openLinks(node)
        if scenario.social != nil { openSite(node) }
    }

    /// Returns where counting goes on.
    private mutating func beginLife(_ node: Int, storeIsKept: Bool) -> UInt64 {
        let isFirst = machines[node].disk.life.incarnation == 0
        if mutant == .reusedDot, !isFirst, machines[node].disk.cleanStop == nil {
            machines[node].disk.cleanStop = 0
        }
        var life = machines[node].disk.life
        let old = life.incarnation
        let counter = life.begin(
            goingOnAt: machines[node].disk.cleanStop.take(), storeIsKept: storeIsKept,
            wall: machines[node].wall(at: now))
        // A clock that was set back names an incarnation a second time once in 60,000 times; no run is to be judged by
        // that.
        if life.incarnation != old {
            while machines[node].incarnations.contains(life.incarnation) { life.incarnation += 1 }
            life.generation = max(life.generation, life.incarnation)
        }
        machines[node].disk.life = life
        guard machines[node].life > 1 else { return counter }
        if life.incarnation == old {
            ledger.add(.wentOnAfterCleanStop)
        } else {
            ledger.add(.beganNewLife)
            machines[node].incarnations.append(life.incarnation)
        }
        return counter
    }

    /// Whether the objects are still there; a damaged store is moved aside. Nil if the node does not start: where the
    /// directory is not its own, or a damaged store is not to be given up.
    private mutating func openStores(_ node: Int) throws -> Bool? {
        guard isOwnDisk(node) else {
            ledger.add(.refusedForeignDisk)
            return nil
        }
        let identity = machines[node].identity
        var objectsAreKept = true
        for store in [NodeStore.objects, .hints] where machines[node].disk.failure(of: store) != nil {
            // What may not be given up is for an operator to decide about; who does so at the end.
            guard store.mayBeginAnew(on: identity, in: ring.document) || !isFaulty else {
                ledger.add(.refusedDamagedDisk)
                return nil
            }
            ledger.add(.movedStoreAside)
            try machines[node].disk.begin(store)
            checker.lost(identity)
            if store == .objects { objectsAreKept = false }
        }
        try machines[node].disk.objects.open()
        return objectsAreKept
    }

    private func isOwnDisk(_ node: Int) -> Bool { machines[node].disk.owner == machines[node].identity }

    /// An operator starts it anew, with the ring file that all have or with a misprinted one.
    mutating func restart(_ node: Int, hasMisprint: Bool) throws {
        try stopCleanly(node)
        // One that stands still is ended.
        crash(node)
        var shape = told
        shape.hasMisprint = hasMisprint
        machines[node].ring = try SimulatedRing.snapshot(shape)
        try start(node)
    }

    // MARK: Disks

    mutating func setSpace(_ node: Int, _ space: DiskSpace) {
        if space.state > .roomy { checker.disksWereFull = true }
        machines[node].disk.space = space
        machines[node].node?.space = space
    }

    /// The disk is lost, with the node.
    mutating func wipe(_ node: Int) throws {
        guard isOwnDisk(node) else { return }
        var empty = try SimulatedDisk(owner: machines[node].identity)
        if mutant == .wipedDiskKeepsLife, let counter = machines[node].node?.counter {
            empty.life = machines[node].disk.life
            empty.cleanStop = counter
        }
        crash(node)
        empty.names = machines[node].disk.names
        machines[node].disk = empty
        wipeNames(node)
        // Its clock may not be set yet, and the next life begin before the last one.
        if random.chance(0.5) { machines[node].skewMs = -Int64.random(in: 1_000...60_000, using: &random) }
        checker.lost(machines[node].identity)
    }

    mutating func takeCopy(_ node: Int) {
        guard isOwnDisk(node) else { return }
        machines[node].copy = try? machines[node].disk.copy()
        machines[node].copiedAt = now
        let counter = machines[node].node?.counter
        if mutant == .restoredDiskKeepsLife { machines[node].copy?.cleanStop = counter }
    }

    mutating func putCopyBack(_ node: Int) throws {
        guard isOwnDisk(node), let copy = machines[node].copy.take() else { return }
        crash(node)
        // Votes are never put back to an older state (docs/NAMESTORE.md).
        let names = machines[node].disk.names
        machines[node].disk = copy
        machines[node].disk.names = names
        machines[node].disk.space = .ample(&random)
        // A machine that is put back as a whole comes up with the time of its copy.
        if random.chance(0.5) { machines[node].skewMs -= (now - machines[node].copiedAt).nanoseconds / 1_000_000 }
        checker.lost(machines[node].identity)
        try start(node)
    }

    /// With the next one; neither starts in the other's directory.
    mutating func swapDisks(_ node: Int) {
        let other = (node + 1) % machines.count
        guard isOwnDisk(node), isOwnDisk(other) else { return }
        for one in [node, other] { crash(one) }
        (machines[node].disk, machines[other].disk) = (machines[other].disk, machines[node].disk)
        for one in [node, other] { startSoon(one, within: .milliseconds(200)) }
    }

    mutating func putDisksRight() throws {
        for node in machines.indices where !isOwnDisk(node) {
            guard let other = machines.firstIndex(where: { $0.disk.owner == machines[node].identity }) else { continue }
            (machines[node].disk, machines[other].disk) = (machines[other].disk, machines[node].disk)
        }
        for node in machines.indices {
            setSpace(node, .ample(&random))
            machines[node].disk.slowness = 1
            try start(node)
        }
    }
}
