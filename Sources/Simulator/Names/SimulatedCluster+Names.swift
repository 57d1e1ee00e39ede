// The namestore of a simulated cluster: its messages, its disks, its clients, and what goes wrong with them.

import Keys
import NameStore
import Node
import Quorums
import Storage
import Wire
import World

enum NameEvent {
    /// A message arrives.
    case message([UInt8], from: Int, to: Int)
    case votesStored(Int, [StoreWrite], synced: Bool, VoteCore.FrontierCopy?, life: UInt64)
    case frontierWritten(Int, VoteCore.FrontierCopy?, life: UInt64)
    case client(Int)
    case askAgain(Int, NameWorkload.Asked, Int)
}

extension SimulatedCluster {
    mutating func play(_ event: NameEvent) throws {
        switch event {
        case .message(let bytes, let from, let to):
            if !isDeferred(.names(event), to) { try receive(bytes, from: from, to) }
        case .votesStored(let node, let writes, let synced, let frontier, let life):
            guard isRunning(node, life) else { return }
            try machines[node].disk.names.store.commit(writes, synced: synced)
            keep(frontier, node)
        case .frontierWritten(let node, let frontier, let life):
            guard isRunning(node, life), !isDeferred(.names(event), node) else { return }
            keep(frontier, node)
            try step(node, .name(.votes(.committed)))
        case .client(let client): if isFaulty { try runNameClient(client) }
        case .askAgain(let client, let asked, let node): if isFaulty { try askAgain(client, asked, at: node) }
        }
    }

    mutating func carryOut(_ output: NameOutput, _ node: Int) throws {
        switch output {
        case .send(let message, let target): send(message, node, to: target)
        case .answer(let request, let answer): answered(request, answer)
        case .reconfigured(let outcome): reconfigured(outcome)
        case .commit(let writes, let synced, let frontier): try commit(writes, synced: synced, frontier, node)
        }
    }

    // MARK: Messages

    /// Over the links, or each its own way: lost, doubled, overtaken, as the namestore counts on nothing better.
    private mutating func send(_ message: NameMessage, _ node: Int, to target: NodeID) {
        guard let peer = machines.firstIndex(where: { $0.identity == target }) else { return }
        nameMessages += 1
        if scenario.names.useLinks {
            let link = network.open(LinkPlace(client: node, port: .control, server: peer))
            if let link { put(.names(message.encode()), link, isToServer: true) }
            return
        }
        // Nodes with different rings turn each other away.
        guard machines[node].ring === machines[peer].ring else { return }
        guard !isCut(node, peer), !(isFaulty && random.chance(scenario.names.loss)) else { return }
        let payload = PeerMessage.names(message.encode()).encode()
        let bytes = withUnsafeBytes(of: Frames.prefix(for: payload.count).bigEndian) { Array($0) } + payload
        let copies = isFaulty && random.chance(scenario.names.duplication) ? 2 : 1
        for _ in 0..<copies {
            let delay = latency(node, peer)
            let jitter = Span(nanoseconds: Int64(Double(delay.nanoseconds) * scenario.names.jitter * random.unit()))
            schedule(.names(.message(bytes, from: node, to: peer)), after: delay + jitter)
        }
    }

    private mutating func receive(_ bytes: [UInt8], from node: Int, _ peer: Int) throws {
        guard machines[peer].node != nil else { return }
        trace.add(7, now, UInt64(peer), UInt64(bytes.count))
        var decoder = FrameDecoder(limit: Limits.frameBytes)
        bytes.withUnsafeBytes { decoder.feed($0) }
        guard let payload = try decoder.next(), case .names(let name) = try PeerMessage(decoding: payload) else {
            return checker.violate("a message of the namestore became another in its frame")
        }
        ledger.add(.frameNames)
        try step(peer, .name(.message(try NameMessage.decode(name), from: machines[node].identity)))
    }

    // MARK: Disks

    /// The writes come to the disk some time before the frontier, and both before any vote leaves.
    private mutating func commit(
        _ writes: [StoreWrite], synced: Bool, _ frontier: VoteCore.FrontierCopy?, _ node: Int
    ) throws {
        let life = machines[node].life
        let kept = writes.map { write -> StoreWrite in
            guard case .put(let key, let value, _) = write else { return write }
            return .put(key: key, value: seams.stored(key, value))
        }
        let time = synced ? syncTime(node) : hopTime(node)
        if seams.repliesBeforeSync {
            try machines[node].disk.names.store.commit(kept, synced: false)
            schedule(.names(.votesStored(node, [], synced: synced, frontier, life: life)), after: time)
            schedule(.names(.frontierWritten(node, nil, life: life)), after: .zero)
        } else {
            schedule(.names(.votesStored(node, kept, synced: synced, nil, life: life)), after: time)
            schedule(.names(.frontierWritten(node, frontier, life: life)), after: time + hopTime(node))
        }
    }

    private mutating func keep(_ frontier: VoteCore.FrontierCopy?, _ node: Int) {
        if let frontier { machines[node].disk.names.write(frontier) }
    }

    /// What a process that starts finds of the namestore.
    mutating func openNames(_ node: Int) throws -> NamesBirth {
        if machines[node].firstSession == 0 { machines[node].firstSession = nameRandom.next() }
        let session = seams.freshSessions ? nameRandom.next() : machines[node].firstSession
        let store = SeamedStore(machines[node].disk.names.store, seams)
        let opened = try Acceptor.open(
            node: machines[node].identity, store: store, frontiers: machines[node].disk.names.frontiers,
            fresh: StoreID(high: nameRandom.next(), low: nameRandom.next()))
        if opened.acceptor.quarantine != nil, damagedNames.isEmpty {
            checker.violate("the names of \(machines[node].identity) were quarantined after an honest crash")
        }
        let registry = Registry(
            node: machines[node].identity, session: session, random: SeededRandom(seed: session),
            ring: namedAcceptors, pace: scenario.names.pace, rules: seams.rules)
        return NamesBirth(registry: registry, opened: opened, store: store, seams: seams)
    }

    private func header(_ node: Int) -> StoreHeader? {
        let bytes = (try? machines[node].disk.names.store.get(StoreLayout.header)) ?? nil
        return bytes.flatMap { try? StoreHeader(decoding: $0) }
    }

    /// The latest configuration that any acceptor has.
    var latestConfiguration: Configuration? {
        machines.indices.compactMap { header($0)?.configuration }.max { $0.epoch < $1.epoch }
    }

    /// Whether losing one more store leaves every set of the latest configuration a majority, and somebody whom the
    /// ring file names. An operator who empties that one too asks for a new cluster, and gets it.
    private func mayLoseNames(_ node: Int) -> Bool {
        guard let latest = latestConfiguration, let store = header(node)?.store else { return false }
        let founded = machines.indices.filter {
            namedAcceptors.contains(machines[$0].identity) && header($0)?.configuration != nil
        }
        guard !founded.isEmpty, founded != [node] else { return false }
        return [latest.acceptors, latest.successors ?? []].allSatisfy { set in
            let lost = set.count { damagedNames.contains($0.store) || $0.store == store }
            return set.count - lost >= QuorumSize.majority(of: set.count) || !set.contains { $0.store == store }
        }
    }

    /// Call while the node is down.
    mutating func wipeNames(_ node: Int) {
        guard mayLoseNames(node) else { return }
        if let store = header(node)?.store { damagedNames.insert(store) }
        let identity = (try? machines[node].disk.names.store.get(StoreLayout.header)) ?? nil
        let frontiers = machines[node].disk.names
        machines[node].disk.names = SimulatedNames()
        guard seams.wipeKeepsIdentity, let identity else { return }
        machines[node].disk.names = frontiers
        machines[node].disk.names.store = MemoryStore()
        try? machines[node].disk.names.store.commit([.put(key: StoreLayout.header, value: identity)], synced: true)
    }

    /// A bit of a record flips. Call while the node is down.
    mutating func damageNames(_ node: Int) throws {
        let store = machines[node].disk.names.store
        var records: [(key: [UInt8], value: [UInt8])] = []
        try store.scan(KeyRange(start: StoreLayout.following(nil), end: StoreLayout.end), reverse: false) {
            records.append(($0, $1))
            return true
        }
        guard mayLoseNames(node), let (key, value) = records.randomElement(using: &nameRandom), !value.isEmpty else {
            return
        }
        if let store = header(node)?.store { damagedNames.insert(store) }
        var changed = value
        changed[Int.random(in: value.indices, using: &nameRandom)] ^= 1 << UInt8.random(in: 0..<8, using: &nameRandom)
        try store.commit([.put(key: key, value: changed)], synced: true)
    }

    // MARK: Clients

    private var running: [Int] {
        machines.indices.filter { machines[$0].node != nil && machines[$0].stoppedUntil <= now }
    }

    /// The client asks again after a while.
    mutating func rest(_ client: Int) {
        schedule(.names(.client(client)), after: nameRandom.exponential(mean: scenario.names.pause))
    }

    private mutating func runNameClient(_ client: Int) throws {
        guard !nameLoad.isWaiting(client) else { return }
        guard let node = running.randomElement(using: &nameRandom) else {
            return rest(client)
        }
        if let asked = nameLoad.next(client, at: node, &nameRandom) { try ask(asked) }
    }

    mutating func ask(_ asked: NameWorkload.Asked) throws {
        let operation = seams.operation(NameWorkload.operation(asked))
        try step(
            asked.node,
            .control(
                .names(
                    .request(
                        asked.request, operation, on: NameWorkload.name(asked.name), timeout: scenario.names.timeout))))
    }

    private mutating func answered(_ request: UInt64, _ answer: NameAnswer) {
        if heard(.name(answer), of: request) { return }
        guard let (client, asked) = nameLoad.answered(request, answer), isFaulty, client != nameLoad.lastLook else {
            return
        }
        if case .unknown(true) = answer, nameRandom.chance(0.5), let node = running.randomElement(using: &nameRandom) {
            return schedule(.names(.askAgain(client, asked, node)), after: .zero)
        }
        rest(client)
    }

    private mutating func askAgain(_ client: Int, _ asked: NameWorkload.Asked, at node: Int) throws {
        guard machines[node].node != nil else { return rest(client) }
        try ask(nameLoad.askAgain(client, asked, at: node))
    }

    // MARK: Reconfigurations

    /// An operator asks some node to move the votes to others.
    mutating func reconfigure() throws {
        guard let driver = running.randomElement(using: &nameRandom) else { return }
        let size = [1, 3, 3, 3, 5, 5].filter { $0 <= machines.count }.randomElement(using: &nameRandom) ?? 1
        let targets = machines.map(\.identity).shuffled(using: &nameRandom).prefix(size)
        try step(driver, .control(.names(.reconfigure(Array(targets)))))
    }

    /// The operator writes the new acceptors into the ring files, which nodes read when they start.
    private mutating func reconfigured(_ outcome: ReconfigurationOutcome) {
        guard case .done(let configuration) = outcome else { return }
        reconfigurations += 1
        namedAcceptors = configuration.acceptors.map(\.node)
    }

    // MARK: The end

    /// With every node up and the network whole, each name must be readable, and soon.
    mutating func lookAtNames() throws {
        let client = nameLoad.lastLook
        for name in 0..<scenario.names.names where scenario.names.clients > 0 {
            var wasRead = false
            for attempt in 0..<12 where !wasRead {
                let before = nameLoad.answered
                try ask(nameLoad.ask(client, .read, name, at: (name + attempt) % machines.count))
                let end = now + scenario.names.timeout + .seconds(1)
                while nameLoad.isWaiting(client), now < end { try run(until: now + .milliseconds(20)) }
                nameLoad.giveUp(client)
                wasRead = nameLoad.answered > before
            }
            if !wasRead, areNamesReachable { checker.violate("name \(name) can't be read at the end") }
        }
        for violation in nameLoad.violations() { checker.violate(violation) }
    }

    /// Whether every set of the latest configuration still has a majority of the disks it was made of. A node whose
    /// disk is wiped after it was asked for its store, and before the new set is chosen, makes a set that doesn't.
    var areNamesReachable: Bool {
        guard let latest = latestConfiguration else { return true }
        return [latest.acceptors, latest.successors ?? []].allSatisfy { set in
            let sound = set.count { member in
                machines.contains { machine in
                    guard machine.identity == member.node, let acceptor = machine.node?.votes.core.acceptor else {
                        return false
                    }
                    return acceptor.header.store == member.store && acceptor.quarantine == nil
                        && !damagedNames.contains(member.store)
                }
            }
            return set.isEmpty || sound >= QuorumSize.majority(of: set.count)
        }
    }
}
