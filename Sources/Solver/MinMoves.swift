// B. Fewest moves: a min-cost flow by the primal-dual method.
//
// Rounds of (1) shortest distances by reduced cost, which move the potentials, and (2) a blocking flow along arcs of
// reduced cost zero (Dinic, 1970). Costs are small whole numbers, so distances take few distinct values and are kept in
// buckets (Dial, 1969). The network is totally unimodular: the flow is whole, and its cost the fewest replicas that
// must move. The potentials at the end prove it (`FlowCertificate`).

struct MinMoves {
    let shape: FlowShape
    private(set) var flow: FlowState
    /// One per node of the network: the dual solution.
    private(set) var potential: [Int]
    private var level: [Int32]
    /// The next arc to try, per node: dead ends are met once in a blocking flow.
    private var cursor: [Int32]
    private var queue: [Int32] = []
    private var sent = 0
    private let progress: (Double) -> Void

    init(_ shape: FlowShape, progress: @escaping (Double) -> Void = { _ in }) {
        self.shape = shape
        flow = FlowState(shape)
        potential = Array(repeating: 0, count: shape.count)
        level = Array(repeating: -1, count: shape.count)
        cursor = Array(repeating: 0, count: shape.count)
        self.progress = progress
    }

    /// Sends all replicas. False where some find no way, which feasible targets exclude.
    mutating func run() -> Bool {
        let total = shape.partitions * shape.replicas
        while true {
            while sent < total, buildLevels() {
                block()
                progress(Double(sent) / Double(total))
            }
            if sent == total { return true }
            guard movePotentials() else { return false }
        }
    }

    // MARK: Blocking flow

    /// Breadth-first levels along admissible arcs. False where the sink is out of reach.
    private mutating func buildLevels() -> Bool {
        for at in level.indices {
            level[at] = -1
            cursor[at] = 0
        }
        queue.removeAll(keepingCapacity: true)
        flow.forEachUnsent(shape) { start in
            level[start] = 0
            queue.append(Int32(start))
        }
        var head = 0
        while head < queue.count {
            let x = Int(queue[head])
            head += 1
            // Nodes on the sink's level or beyond lead nowhere.
            if level[shape.sink] >= 0, level[x] + 1 >= level[shape.sink] { break }
            let here = potential[x]
            let next = level[x] + 1
            let degree = flow.degree(shape, x)
            var arc = 0
            while arc < degree {
                let (y, cost) = flow.arc(shape, x, arc)
                arc += 1
                if y >= 0, level[y] < 0, here + cost == potential[y] {
                    level[y] = next
                    queue.append(Int32(y))
                }
            }
        }
        return level[shape.sink] >= 0
    }

    private mutating func block() {
        var path: [(node: Int32, arc: Int32)] = []
        for partition in 0..<shape.partitions {
            for group in 0..<shape.groups {
                let start = partition * shape.block + group
                while flow.unsent[partition * shape.groups + group] > 0 {
                    guard findPath(from: start, &path) else { break }
                    flow.unsent[partition * shape.groups + group] -= 1
                    for step in path { flow.push(shape, Int(step.node), Int(step.arc)) }
                    sent += 1
                }
            }
        }
    }

    /// Depth-first along levels and cursors.
    private mutating func findPath(from start: Int, _ path: inout [(node: Int32, arc: Int32)]) -> Bool {
        path.removeAll(keepingCapacity: true)
        var x = start
        while x != shape.sink {
            let degree = flow.degree(shape, x)
            var arc = Int(cursor[x])
            var found = -1
            while arc < degree {
                let (y, cost) = flow.arc(shape, x, arc)
                if y >= 0, level[y] == level[x] + 1, potential[x] + cost == potential[y] {
                    found = y
                    break
                }
                arc += 1
            }
            cursor[x] = Int32(arc)
            if found >= 0 {
                path.append((Int32(x), Int32(arc)))
                x = found
            } else {
                level[x] = -1
                guard let back = path.popLast() else { return false }
                x = Int(back.node)
                cursor[x] += 1
            }
        }
        return true
    }

    // MARK: Potentials

    /// Distances from the unsent replicas by reduced cost, up to the sink's. Shifting every nearer node by how much
    /// nearer it is keeps all reduced costs from below zero and makes a way to the sink free.
    private mutating func movePotentials() -> Bool {
        var buckets = Buckets()
        var settled: [(node: Int32, distance: Int)] = []
        for at in level.indices { level[at] = -1 }
        flow.forEachUnsent(shape) { buckets.add(Int32($0), at: 0) }
        var reach = -1
        while reach < 0, let (d, first) = buckets.nextBucket() {
            var stack = first
            while let x32 = stack.popLast() {
                let x = Int(x32)
                // `level` 0 marks a settled node here.
                if level[x] == 0 { continue }
                level[x] = 0
                settled.append((x32, d))
                if x == shape.sink {
                    reach = d
                    break
                }
                let degree = flow.degree(shape, x)
                for arc in 0..<degree {
                    let (y, cost) = flow.arc(shape, x, arc)
                    guard y >= 0, level[y] != 0 else { continue }
                    let reduced = potential[x] + cost - potential[y]
                    if reduced == 0 { stack.append(Int32(y)) } else { buckets.add(Int32(y), at: d + reduced) }
                }
            }
        }
        guard reach >= 0 else { return false }
        for (node, d) in settled { potential[Int(node)] -= reach - d }
        return true
    }
}

/// Nodes by tentative distance. There are few distinct distances, so the keys are a sorted list.
private struct Buckets {
    private var keys: [Int] = []
    private var nodes: [[Int32]] = []

    mutating func add(_ node: Int32, at key: Int) {
        // Descending, so that the nearest is the last.
        var at = keys.count
        while at > 0, keys[at - 1] < key { at -= 1 }
        if at > 0, keys[at - 1] == key {
            nodes[at - 1].append(node)
        } else {
            keys.insert(key, at: at)
            nodes.insert([node], at: at)
        }
    }

    mutating func nextBucket() -> (key: Int, nodes: [Int32])? {
        guard let key = keys.popLast(), let list = nodes.popLast() else { return nil }
        return (key, list)
    }
}
