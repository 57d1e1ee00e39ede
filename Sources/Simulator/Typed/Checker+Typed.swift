// Watches the typed keys of a simulated cluster: what was asked of them, and whether what they show follows from that.
//
// Each object that a client gets, and what replicas hold in the end, is judged alike. What an effective request added
// is there, unless another may have seen and removed it; what an effective one removed with a context that had it is
// not; nothing is there twice, nothing that nobody asked for or that was refused. Effective is what was acknowledged
// (so far as a quorum, or in the end anybody, must still have it), and what the object shows a part of: all of a
// request is done, or nothing.

import Causality
import DataTypes
import Gateway
import Keys
import Ring
import World

/// What was asked of typed keys.
struct TypedHistory {
    var keys: [TypedKey] = []
    var records: [TypedRecord] = []
    /// Places in `records` by key, as they began.
    var byKey: [[Int]] = []
    var reads = 0
}

extension Checker {
    mutating func started(_ record: TypedRecord) -> Int {
        typed.records.append(record)
        let index = typed.records.count - 1
        typed.records[index].lossesBefore = losses
        typed.byKey[record.place].append(index)
        return index
    }

    private mutating func violate(_ problem: String, _ place: Int, _ what: String) {
        violate("\(what) of \(name(typed.keys[place].key)): \(problem)")
    }

    // MARK: Answers

    mutating func operated(
        _ index: Int, _ answer: TypedAnswer, _ account: Account, _ terms: RequestTerms, _ scene: AnswerScene
    ) {
        let record = typed.records[index]
        let what = "request \(index), begun at \(record.startedAt),"
        checkAccount(account, terms, scene) { _ in what }
        let isFirst = record.acknowledgedAt == nil
        if record.isRefused { violate("was refused and done", record.place, what) }
        if isFirst {
            typed.records[index].fate = .done(at: scene.now)
            typed.records[index].dots = answer.dots
            typed.records[index].holders = account.tally.acknowledgements
        }
        if !record.isNamed, answer.isDoneBefore { violate("without a name was done before", record.place, what) }
        if let dots = answer.dots {
            for holder in account.tally.acknowledgements where isIntact(holder, of: typed.records[index]) {
                if !has(dots.last, holder, record.key, scene) {
                    violate("acknowledged by \(holder.node), whose disk does not have it", record.place, what)
                }
            }
        }
    }

    /// It failed, by an answer that may be given.
    mutating func failed(
        _ index: Int, _ failure: RequestFailure, _ terms: RequestTerms, _ scene: AnswerScene
    ) {
        checkTypedFailure(failure, terms, scene, typed.records[index])
        // Without a name it is tried by nobody again past a mint that may have been carried out.
        guard !typed.records[index].isNamed, !failure.mayTakeEffect else { return }
        typed.records[index].fate = .refused
    }

    private mutating func checkTypedFailure(
        _ failure: RequestFailure, _ terms: RequestTerms, _ scene: AnswerScene, _ record: TypedRecord
    ) {
        switch failure {
        case .exists where record.onlyIfAbsent && (typed.byKey[record.place].count > 1): break
        // An element that is not there, or not any more.
        case .notApplied(let problem) where problem.code == "not-applicable": break
        case .notApplied(let problem) where problem.code == "too-many-actors" && vectorsAreShort: break
        // A removal has dropped what the positions of this one's context are counted among.
        case .notApplied(let problem) where problem.code == "context-too-old" && record.context != nil: break
        default: refused(terms, failure, scene)
        }
    }

    mutating func read(
        _ place: Int, _ read: ReadRecord, _ object: StoredObject?, _ account: Account, _ scene: AnswerScene
    ) {
        typed.reads += 1
        let what = "a read begun at \(read.startedAt)"
        checkAccount(account, read.terms, scene) { _ in what }
        let certain =
            read.strict && isMajority(read.terms)
            ? typed.byKey[place].filter { index in
                let end = typed.records[index].acknowledgedAt
                return end.map { $0 < read.startedAt } ?? false && hasItsQuorum(typed.records[index])
            } : []
        judge(place, object ?? StoredObject(), what, certain: certain)
    }

    // MARK: Contents

    /// - Parameters:
    ///   - certain: the acknowledged requests that the object must have.
    ///   - isEnd: nothing is on its way any more.
    private mutating func judge(
        _ place: Int, _ object: StoredObject, _ what: String, certain: [Int], isEnd: Bool = false
    ) {
        let key = typed.keys[place]
        let sight = TypedSight(object.typedObject, key.places)
        for problem in sight.problems { violate(problem, place, what) }
        var effective: [Int] = []
        for index in typed.byKey[place] {
            let record = typed.records[index]
            let isShown = record.additions.contains { $0.content.isUnique && sight.shows($0) }
            let isCertain = certain.contains(index)
            if isCertain, let dots = record.dots, !object.versions.covers(dots.last) {
                violate("request \(index), acknowledged, was not heard of", place, what)
            }
            if isCertain || isShown { effective.append(index) }
            if isShown, record.isRefused { violate("request \(index) was refused, and took effect", place, what) }
        }
        for index in effective {
            for addition in typed.records[index].additions { judge(addition, of: index, sight, what) }
        }
        for addition in sight.contents { judgeShown(addition, effective, sight, isEnd: isEnd, place, what) }
    }

    /// What an effective request added is there, or was removed.
    private mutating func judge(_ addition: TypedAddition, of index: Int, _ sight: TypedSight, _ what: String) {
        let record = typed.records[index]
        var missing: [Unicode.Scalar?] = []
        if case .word(let number) = addition.content {
            let standing = sight.texts[addition.place] ?? []
            missing = TypedContent.scalars(ofWord: number).filter { !standing.contains($0) }
        } else if !sight.shows(addition) {
            missing = [nil]
        }
        for scalar in missing {
            let mayBeGone = typed.byKey[record.place].contains { other in
                other != index && typed.records[other].mayHaveSeen(record, addition.content)
                    && typed.records[other].removes(addition, scalar, of: typed.keys[record.place].places)
            }
            if !mayBeGone {
                return violate("\(addition.content) of request \(index) is not there", record.place, what)
            }
        }
    }

    /// What is there was added by somebody, and by no request alone that an effective one has seen and removed.
    private mutating func judgeShown(
        _ addition: TypedAddition, _ effective: [Int], _ sight: TypedSight, isEnd: Bool, _ place: Int, _ what: String
    ) {
        let own = typed.byKey[place].filter { index in
            !typed.records[index].isRefused && typed.records[index].additions.contains(addition)
        }
        if own.isEmpty { return violate("\(addition.content) was added by nobody", place, what) }
        // What a third request had removed already where the remover was minted, its change does not name: a replica
        // that has not heard of the third shows it until it has (decision 0036).
        guard isEnd else { return }
        var standing: [Unicode.Scalar?] = [nil]
        if case .word(let number) = addition.content {
            let all = TypedContent.scalars(ofWord: number)
            standing = (sight.texts[addition.place] ?? []).filter(all.contains)
        }
        for scalar in standing {
            let isRight = own.contains { index in
                !effective.contains { other in
                    other != index && typed.records[other].surelySaw(typed.records[index])
                        && typed.records[other].removes(addition, scalar, of: typed.keys[place].places)
                }
            }
            if !isRight { return violate("\(addition.content) came back after it was removed", place, what) }
        }
    }

    // MARK: The end

    /// `replicas`: what each primary of a key holds. Call once for each key, after healing.
    mutating func finish(_ place: Int, replicas: [(node: NodeID, bytes: [UInt8]?)]) {
        guard let first = replicas.first else { return }
        for other in replicas.dropFirst() where other.bytes != first.bytes {
            violate("the bytes of \(first.node) and \(other.node) differ", place, "the end")
        }
        let object = first.bytes.map { try? StoredObject(decoding: $0) } ?? StoredObject()
        guard let object, first.bytes == nil || object.encode() == first.bytes else {
            return violate("what stands there is not read as it was written", place, "the end")
        }
        let certain = typed.byKey[place].filter { index in
            typed.records[index].acknowledgedAt != nil && isVouchedFor(typed.records[index])
        }
        judge(place, object, "the end", certain: certain, isEnd: true)
    }
}

extension RequestFailure {
    /// Whether a write that was told this may have been done all the same.
    fileprivate var mayTakeEffect: Bool { if case .quorumNotReached(let may) = self { may } else { false } }
}
