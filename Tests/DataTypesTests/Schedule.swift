// A random schedule of replicas that mint, lose, repeat and reorder messages, compare states, sweep and try again; and
// what must hold of it.

import Causality
import JSON
import World

@testable import DataTypes

struct Schedule {
    /// An operation as the oracle remembers it.
    struct Done {
        enum Kind: Equatable {
            case set, add(String), discard(String), remove, increment(Int64), insert, delete, other
        }

        let kind: Kind
        let path: String
        let dot: Dot
        let seen: VersionVector
        let held: VersionVector
        var characters: [Dot] = []
        var deleted: [Dot] = []
    }

    enum Letter {
        case delta(from: Int, [UInt8])
        case state([UInt8])
    }

    /// A client whose requests have names: one at a time, tried again where no answer comes.
    struct Client {
        let writer: Writer
        var number: UInt64 = 0
        var open: (operation: Operation, tries: Int)?
        var after: Dot?
    }

    let mutant: TypedMutant?
    var dice: SeededRandom
    var replicas: [TypedObject]
    var mail: [[Letter]]
    var log: [Done] = []
    var past: [TypedObject] = []
    var shots: [[Dot]] = []
    var reports: [VersionVector?]
    var clients: [Client]
    var began: [String: Operation] = [:]
    var expected: Int64 = 0
    var texts: [String] = []
    var step: UInt64 = 0
    var figures = Figures()

    struct Figures {
        var deltas = 0
        var gaps = 0
        var sweeps = 0
        var retries = 0
        var voids = 0
        var oldContexts = 0
    }

    init(seed: UInt64, mutant: TypedMutant? = nil) {
        var dice = SeededRandom(seed: seed)
        let count = Int.random(in: 3...5, using: &dice)
        var object = TypedObject()
        object.mutant = mutant
        self.mutant = mutant
        self.dice = dice
        replicas = Array(repeating: object, count: count)
        mail = Array(repeating: [], count: count)
        reports = Array(repeating: nil, count: count)
        clients = (0..<3).map { Client(writer: Writer(high: 7, low: $0)) }
    }

    mutating func play() throws {
        for _ in 0..<Int.random(in: 60..<180, using: &dice) {
            step += 1
            let at = Int.random(in: 0..<replicas.count, using: &dice)
            switch dice.unit() {
            case ..<0.42: try operate(at)
            case ..<0.52: try ask(at)
            case ..<0.84: try receive(at)
            case ..<0.935:
                let from = Int.random(in: 0..<replicas.count, using: &dice)
                if from != at { mail[at].append(.state(replicas[from].encode())) }
            case ..<0.95:
                past.append(replicas[at])
                if past.count > 6 { past.removeFirst() }
            case ..<0.97:
                for place in replicas.indices where dice.chance(0.7) { reports[place] = replicas[place].versions }
            default: try sweep(at)
            }
            if dice.chance(0.012) { try meet() }
            if dice.chance(0.05) { try judge(at) }
            if dice.chance(0.02) { try checkLaws() }
            if dice.chance(0.05) { try checkTwins(at) }
        }
        try finish()
    }

    // MARK: What happens

    private mutating func run(_ at: Int) -> MintingRun {
        let actor = Actor.numbered(at)
        let gap = UInt64.random(in: 0..<4, using: &dice)
        return MintingRun(
            actor: actor, first: replicas[at].versions.counter(of: actor) + 1 + gap, time: HybridTime(bits: step))
    }

    private mutating func post(_ from: Int, _ delta: TypedDelta) {
        let bytes = delta.encode()
        for to in replicas.indices where to != from {
            figures.deltas += 1
            if dice.chance(0.15) { continue }
            mail[to].append(.delta(from: from, bytes))
            if dice.chance(0.15) { mail[to].append(.delta(from: from, bytes)) }
        }
    }

    private mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: 0..<choices.count, using: &dice)] }

    private mutating func draw(_ at: Int) -> (kind: Done.Kind, path: String, operation: Operation, takesContext: Bool) {
        let path: String
        switch Int.random(in: 0..<12, using: &dice) {
        case 0:
            path = pick(["/r", "/m/r", "/m/m/r"])
            return (.set, path, .set(Path(path), .int(Int(step))), true)
        case 1:
            path = pick(["/s", "/m/s"])
            let value = pick(["a", "b", "c", "d"])
            return (.add(value), path, .add(Path(path), .string(value)), false)
        case 2:
            path = pick(["/s", "/m/s"])
            let value = pick(["a", "b", "c", "d"])
            return (.discard(value), path, .discard(Path(path), .string(value)), true)
        case 3:
            path = pick(["/m", "/c", "/m/c", "/m/m"])
            return (.remove, path, .remove(Path(path)), true)
        case 4, 5:
            path = pick(["/c", "/c", "/m/c"])
            let amount: Int64 = pick([1, 2, 5, -1, -3])
            return (.increment(amount), path, .increment(Path(path), by: amount), false)
        case 6, 7:
            path = pick(["/t", "/t", "/m/t"])
            let length = replicas[at].shownCharacters(path).count
            let place = Int.random(in: 0...min(length, dice.chance(0.5) ? 4 : length), using: &dice)
            let word = String("abcdefghijklmnopqrst".dropFirst(Int.random(in: 0..<16, using: &dice)).prefix(4))
            return (.insert, path, .splice(Path(path), .at(place), delete: 0, text: word), true)
        case 8:
            let length = replicas[at].shownCharacters("/t").count
            let place = Int.random(in: 0...length, using: &dice)
            let count = min(length - place, Int.random(in: 1...5, using: &dice))
            return (.delete, "/t", .splice(Path("/t"), .at(place), delete: count, text: ""), true)
        default: return drawOfList(at)
        }
    }

    private mutating func drawOfList(
        _ at: Int
    ) -> (kind: Done.Kind, path: String, operation: Operation, takesContext: Bool) {
        let length = replicas[at].value(at: Path("/l"))?.array?.count ?? 0
        let place = Int.random(in: 0...length, using: &dice)
        let other = Int.random(in: 0..<max(1, length), using: &dice)
        switch Int.random(in: 0..<4, using: &dice) {
        case 0, 1: return (.other, "/l", .insert(Path("/l"), .at(place), [.int(Int(step))]), false)
        case 2: return (.other, "/l", .move(Path("/l"), .at(other), to: .at(min(place, max(0, length - 1)))), false)
        default: return (.other, "/l", .remove(Path("/l/\(other)")), false)
        }
    }

    private mutating func operate(_ at: Int) throws {
        let (kind, path, operation, takesContext) = draw(at)
        let old = dice.chance(0.33) && !past.isEmpty ? pick(past).versions : nil
        let context = takesContext ? old : nil
        let held = replicas[at].versions
        let run = run(at)
        let outcome: TypedOutcome
        do throws(TypedProblem) {
            // So far away that it never comes: joining them is what is looked at.
            let end = step.isMultiple(of: 3) ? nil : WallTime(milliseconds: 1 << 40 + step)
            outcome = try replicas[at].apply(
                TypedRequest([operation], context: context, expiresAt: end), as: .document, run)
        } catch {
            switch error {
            case .behind, .contextTooOld, .notApplicable(_, .outOfRange), .notApplicable(_, .noSuchElement): return
            default: throw Violation(description: "\(operation): \(error)")
            }
        }
        guard case .minted(let delta, _) = outcome else {
            throw Violation(description: "an unnamed request done before")
        }
        if context != nil { figures.oldContexts += 1 }
        var done = Done(kind: kind, path: path, dot: delta.lastDot, seen: context ?? held, held: held)
        for step in delta.steps {
            switch step.change {
            case .characters(let chain): done.characters += dots([chain.ids], delta)
            case .delete(let ranges): done.deleted += dots(ranges, delta)
            default: break
            }
        }
        log.append(done)
        if path == "/t" { shots.append(replicas[at].shownCharacters("/t")) }
        post(at, delta)
    }

    private func dots(_ ranges: [IDRange], _ delta: TypedDelta) -> [Dot] {
        ranges.flatMap { range in (0..<range.count).map { delta.needs.dot(range.first.advanced(by: $0)) } }
    }

    /// A named request whose answer may be lost; then it is tried again, anywhere.
    private mutating func ask(_ at: Int) throws {
        let which = Int.random(in: 0..<clients.count, using: &dice)
        var client = clients[which]
        if client.open == nil {
            client.number += 1
            let character = String(Character(Unicode.Scalar(UInt16(0x4E00 + began.count)) ?? "?"))
            let operation: Operation =
                dice.chance(0.5)
                ? .increment(Path("/rc"), by: Int64.random(in: 1...3, using: &dice))
                : .splice(Path("/rt"), .at(0), delete: 0, text: character)
            client.open = (operation, 0)
        }
        guard let (operation, tries) = client.open else { return }
        let name = OperationName(
            writer: client.writer, number: client.number, isAgain: tries > 0,
            after: mutant == .noAfter ? nil : client.after)
        let run = run(at)
        let outcome: TypedOutcome
        do throws(TypedProblem) {
            outcome = try replicas[at].apply(TypedRequest([operation], name: name), as: .document, run)
        } catch {
            guard error == .behind else { throw Violation(description: "\(operation): \(error)") }
            clients[which] = client
            return
        }
        client.open = (operation, tries + 1)
        if tries > 0 { figures.retries += 1 }
        count(operation, "\(which).\(client.number)")
        if case .minted(let delta, _) = outcome { post(at, delta) }
        if dice.chance(0.6) {
            client.open = nil
            if tries > 0, case .minted(let delta, _) = outcome { client.after = delta.lastDot }
        }
        clients[which] = client
    }

    private mutating func count(_ operation: Operation, _ name: String) {
        guard began[name] == nil else { return }
        began[name] = operation
        switch operation {
        case .increment(_, let amount): expected += amount
        case .splice(_, _, _, let text): texts.append(text)
        default: break
        }
    }

    /// Out of order now and then; of what is long due much is lost.
    private mutating func receive(_ at: Int) throws {
        for _ in 0..<Int.random(in: 1...8, using: &dice) where !mail[at].isEmpty {
            let place = dice.chance(0.8) ? 0 : Int.random(in: 0..<min(6, mail[at].count), using: &dice)
            switch mail[at].remove(at: place) {
            case .state(let bytes): try join(at, TypedObject(decoding: bytes))
            case .delta(let from, let bytes):
                guard case .gap = try replicas[at].merge(TypedDelta(decoding: bytes)) else { continue }
                figures.gaps += 1
                if dice.chance(0.3) {
                    mail[at].append(.state(replicas[from].encode()))
                } else if dice.chance(0.5) {
                    mail[at].append(.delta(from: from, bytes))
                }
            }
        }
    }

    private mutating func join(_ at: Int, _ other: TypedObject) throws { try replicas[at].join(other) }

    private mutating func sweep(_ at: Int) throws {
        let known = reports.compactMap { $0 }
        guard known.count == reports.count || mutant == .sweepBeforeAllReported else { return }
        let run = run(at)
        guard let delta = try replicas[at].sweep(reports: known, run) else { return }
        figures.sweeps += 1
        post(at, delta)
    }

    /// A calm moment: nearly all meet, and report.
    private mutating func meet() throws {
        let away = dice.chance(0.3) ? Int.random(in: 0..<replicas.count, using: &dice) : -1
        let there = replicas.indices.filter { $0 != away }
        for _ in 0..<2 { for a in there { for b in there where a != b { try join(a, replicas[b]) } } }
        for place in there { reports[place] = replicas[place].versions }
    }
}
