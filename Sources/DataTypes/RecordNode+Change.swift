// What changes do to the records of one path, and of all below it.

import World

extension RecordNode {
    /// Drops every record up to these counters, here and below. Counters are not dropped: they are reset.
    mutating func clear(upTo seen: [UInt64]) {
        func isSeen(_ id: ElementID) -> Bool { id.place < seen.count && id.counter <= seen[id.place] }
        registers.removeAll { isSeen($0.id) }
        flags.removeAll(where: isSeen)
        marks.removeAll { isSeen($0.id) }
        for place in elements.indices { elements[place].ids.removeAll(where: isSeen) }
        elements.removeAll(where: \.ids.isEmpty)
        if !texts.isEmpty { text = text.without(text.ranges(upTo: seen)) }
        if !lists.isEmpty { list.clear(upTo: seen) }
        for place in fields.indices { fields[place].node.clear(upTo: seen) }
        fields.removeAll(where: \.node.isEmpty)
    }

    /// Whether `clear` would drop characters or slots.
    func hasPlaces(upTo seen: [UInt64]) -> Bool {
        texts.contains { !$0.ranges(upTo: seen).isEmpty }
            || lists.contains { list in
                !list.slots.ranges(upTo: seen).isEmpty || list.contents.contains { $0.node.hasPlaces(upTo: seen) }
            } || fields.contains { $0.node.hasPlaces(upTo: seen) }
    }

    /// Drops those of these that stand at this very path.
    mutating func drop(_ ids: [ElementID]) {
        registers.removeAll { ids.contains($0.id) }
        flags.removeAll(where: ids.contains)
        marks.removeAll { ids.contains($0.id) }
        if !lists.isEmpty { list.drop(ids) }
    }

    mutating func add(_ value: Scalar, _ id: ElementID) {
        let place = elements.firstPlace { $0.value < value }
        if place < elements.count, elements[place].value == value {
            let at = elements[place].ids.firstPlace { $0 < id }
            elements[place].ids.insert(id, at: at)
        } else {
            elements.insert(SetElement(value: value, ids: [id]), at: place)
        }
    }

    mutating func drop(_ value: Scalar, _ ids: [ElementID]) {
        let place = elements.firstPlace { $0.value < value }
        guard place < elements.count, elements[place].value == value else { return }
        elements[place].ids.removeAll(where: ids.contains)
        if elements[place].ids.isEmpty { elements.remove(at: place) }
    }

    func element(_ value: Scalar) -> SetElement? {
        let place = elements.firstPlace { $0.value < value }
        return place < elements.count && elements[place].value == value ? elements[place] : nil
    }

    func counterPlace(_ actor: Int) -> (place: Int, isThere: Bool) {
        let place = counters.firstPlace { $0.actor < actor }
        return (place, place < counters.count && counters[place].actor == actor)
    }

    func counter(of actor: Int) -> CounterEntry? {
        let (place, isThere) = counterPlace(actor)
        return isThere ? counters[place] : nil
    }

    /// The entry as its own actor has it now; a reset of this birth stays.
    mutating func count(_ entry: CounterEntry) {
        let (place, isThere) = counterPlace(entry.actor)
        guard isThere else { return counters.insert(entry, at: place) }
        var entry = entry
        if counters[place].birth == entry.birth { entry.reset = counters[place].reset }
        counters[place] = entry
    }

    mutating func reset(_ actor: Int, _ reset: CounterEntry.Reset) {
        let (place, isThere) = counterPlace(actor)
        guard isThere, reset.upTo >= counters[place].birth, reset.wins(over: counters[place].reset) else { return }
        counters[place].reset = reset
    }

    /// Drops an entry that a removal has cancelled wholly.
    mutating func sweepCounter(_ actor: Int) {
        let (place, isThere) = counterPlace(actor)
        if isThere, !counters[place].isAlive { counters.remove(at: place) }
    }

    /// What a void request made is dead: its characters, and the items that it put into lists.
    mutating func void(_ ids: IDRange) {
        if !texts.isEmpty { text.delete(ids, by: .void) }
        if !lists.isEmpty { list.void(ids) }
        for place in fields.indices { fields[place].node.void(ids) }
        fields.removeAll(where: \.node.isEmpty)
    }

    /// Drops what these dots made, here and below.
    fileprivate mutating func remove(_ ids: IDRange) {
        func isIn(_ id: ElementID) -> Bool { ids.first <= id && id <= ids.last }
        registers.removeAll { isIn($0.id) }
        flags.removeAll(where: isIn)
        marks.removeAll { isIn($0.id) }
        for place in elements.indices { elements[place].ids.removeAll(where: isIn) }
        elements.removeAll(where: \.ids.isEmpty)
        for place in fields.indices { fields[place].node.remove(ids) }
        fields.removeAll(where: \.node.isEmpty)
    }
}

extension ListRecords {
    fileprivate mutating func clear(upTo seen: [UInt64]) {
        func isSeen(_ id: ElementID) -> Bool { id.place < seen.count && id.counter <= seen[id.place] }
        lives.removeAll(where: isSeen)
        positions.removeAll { isSeen($0.id) }
        slots = slots.without(slots.ranges(upTo: seen))
        for place in contents.indices { contents[place].node.clear(upTo: seen) }
        contents.removeAll(where: \.node.isEmpty)
        refreshAll()
    }

    fileprivate mutating func drop(_ ids: [ElementID]) {
        let gone = positions.filter { ids.contains($0.id) }
        let dead = lives.filter(ids.contains)
        positions.removeAll { ids.contains($0.id) }
        lives.removeAll(where: ids.contains)
        for position in gone { refresh(position.item, others: [position.slot]) }
        for item in dead { refresh(item) }
    }

    fileprivate mutating func void(_ ids: IDRange) {
        slots.delete(ids, by: .void)
        let dead = lives.filter { ids.first <= $0 && $0 <= ids.last }
        lives.removeAll { ids.first <= $0 && $0 <= ids.last }
        for item in dead { change(item) { $0.remove(ids) } }
        for place in contents.indices { contents[place].node.void(ids) }
        contents.removeAll(where: \.node.isEmpty)
    }
}

extension FugueTree {
    /// All that is here up to these counters.
    func ranges(upTo seen: [UInt64]) -> [IDRange] {
        var ranges: [IDRange] = []
        for (actor, links) in byActor.enumerated() where actor < seen.count {
            for link in links where self[link].first.counter <= seen[actor] {
                let piece = self[link]
                let count = min(UInt64(piece.count), seen[actor] - piece.first.counter + 1)
                IDRange.append(IDRange(first: piece.first, count: Int(count)), to: &ranges)
            }
        }
        return ranges
    }
}
