// What an operation comes to: changes of records at paths. The minter and every replica that is told of it do the same.

import Causality
import World

/// One step of what a request does. Deletions and resets bear the first dot of the request's run, times are the
/// request's.
enum Change: Hashable, Sendable {
    case mark(ElementID, TypedKind)
    case register(ElementID, Scalar)
    case flag(ElementID)
    case element(ElementID, Scalar)
    case dropElement(Scalar, [ElementID])
    /// Flags, registers, marks, lives and positions of this very path.
    case drop([ElementID])
    /// Everything here and below that is not newer, for each actor, than this dot.
    case clear([ElementID])
    case count(CounterEntry)
    case reset(actor: Int, upTo: UInt64, CounterEntry.Amounts)
    case characters(FugueTree.Chain)
    case slots(FugueTree.Chain)
    case lives(IDRange)
    case positions(IDRange, firstItem: ElementID, firstSlot: ElementID)
    case delete([IDRange])
    case deleteSlots([IDRange])
    case sweep([IDRange])
    /// Slots, with the positions that name them.
    case sweepSlots([IDRange])
    case sweepCounter(ElementID)
}

struct PathChange: Hashable, Sendable {
    var path: ObjectPath
    var change: Change

    func moved(_ to: Relocation) -> PathChange { PathChange(path: path.moved(to), change: change.moved(to)) }
}

extension Change {
    func moved(_ to: Relocation) -> Change {
        func ids(_ ids: [ElementID]) -> [ElementID] { ids.map { $0.moved(to) } }
        func ranges(_ ranges: [IDRange]) -> [IDRange] { ranges.map { $0.moved(to) } }
        return switch self {
        case .mark(let id, let kind): .mark(id.moved(to), kind)
        case .register(let id, let value): .register(id.moved(to), value)
        case .flag(let id): .flag(id.moved(to))
        case .element(let id, let value): .element(id.moved(to), value)
        case .dropElement(let value, let dead): .dropElement(value, ids(dead))
        case .drop(let dead): .drop(ids(dead))
        case .clear(let upTo): .clear(ids(upTo))
        case .count(let entry): .count(entry.moved(to))
        case .reset(let actor, let upTo, let amounts): .reset(actor: to.places[actor], upTo: upTo, amounts)
        case .characters(let chain): .characters(chain.moved(to))
        case .slots(let chain): .slots(chain.moved(to))
        case .lives(let range): .lives(range.moved(to))
        case .positions(let range, let item, let slot):
            .positions(range.moved(to), firstItem: item.moved(to), firstSlot: slot.moved(to))
        case .delete(let dead): .delete(ranges(dead))
        case .deleteSlots(let dead): .deleteSlots(ranges(dead))
        case .sweep(let dead): .sweep(ranges(dead))
        case .sweepSlots(let dead): .sweepSlots(ranges(dead))
        case .sweepCounter(let id): .sweepCounter(id.moved(to))
        }
    }
}

/// What all changes of one request have in common.
struct RunContext {
    /// The first dot of its run.
    let first: ElementID
    let time: HybridTime
}

extension TypedObject {
    mutating func perform(_ step: PathChange, _ run: RunContext) {
        let byArrival = mutant == .siblingsByArrival
        root.change(step.path.steps[...]) { $0.perform(step.change, run, byArrival: byArrival) }
    }
}

extension RecordNode {
    fileprivate mutating func perform(_ change: Change, _ run: RunContext, byArrival: Bool) {
        switch change {
        case .mark(let id, let kind):
            marks.insert(Mark(id: id, kind: kind, time: run.time), at: marks.firstPlace { $0.id < id })
        case .register(let id, let value):
            let place = registers.firstPlace { $0.id < id }
            registers.insert(Register(id: id, value: value, time: run.time), at: place)
        case .flag(let id): flags.insert(id, at: flags.firstPlace { $0 < id })
        case .element(let id, let value): add(value, id)
        case .dropElement(let value, let ids): drop(value, ids)
        case .drop(let ids): drop(ids)
        case .clear(let upTo):
            var seen = [UInt64](repeating: 0, count: (upTo.map(\.place).max() ?? -1) + 1)
            for id in upTo { seen[id.place] = max(seen[id.place], id.counter) }
            clear(upTo: seen)
        case .count(let entry): count(entry)
        case .reset(let actor, let upTo, let amounts):
            reset(actor, CounterEntry.Reset(upTo: upTo, amounts: amounts, dot: run.first))
        case .sweepCounter(let id): sweepCounter(id.place)
        case .characters(let chain): text.insert(chain, byArrival: byArrival)
        case .delete(let ranges): for range in ranges { text.delete(range, by: run.first) }
        case .sweep(let ranges): text = text.without(ranges)
        case .slots, .lives, .positions, .deleteSlots, .sweepSlots: list.perform(change, run, byArrival: byArrival)
        }
    }
}

extension ListRecords {
    fileprivate mutating func perform(_ change: Change, _ run: RunContext, byArrival: Bool) {
        switch change {
        case .slots(let chain): slots.insert(chain, byArrival: byArrival)
        case .lives(let range):
            for offset in 0..<range.count {
                let item = range.first.advanced(by: offset)
                lives.insert(item, at: lives.firstPlace { $0 < item })
            }
        case .positions(let range, let item, let slot):
            for offset in 0..<range.count {
                add(
                    ItemPosition(
                        id: range.first.advanced(by: offset), item: item.advanced(by: offset),
                        slot: slot.advanced(by: offset), time: run.time))
                let before = positions(of: item.advanced(by: offset)).map(\.slot)
                refresh(item.advanced(by: offset), others: before)
            }
        case .deleteSlots(let ranges): for range in ranges { slots.delete(range, by: run.first) }
        case .sweepSlots(let ranges):
            slots = slots.without(ranges)
            positions.removeAll { position in ranges.contains { $0.first <= position.slot && position.slot <= $0.last }
            }
            refreshAll()
        default: break
        }
    }
}
