// What turned each shown state of a document into the next: for connections that asked for changes.
//
// A state has a number, and a connection remembers that of the state it was sent last. From there on it is sent all
// steps up to the newest, one behind the other; so a step is found and encoded once, however many are told, and however
// far each is behind. Steps that are longer together than the document are of no use and are dropped, the oldest first.

import DataTypes
import DequeModule
import JSON
import World

/// How documents are told.
package struct DocumentForm: Hashable, Sendable {
    /// By what has changed, where that is shorter (`changes=true`).
    package var tellsChanges = false
    /// Texts and lists with their elements' dots (`ids=true`).
    package var showsIDs = false

    package init() {}
}

/// A document as it is shown.
struct ShownDocument: Sendable {
    let value: JSONValue
    /// Those whose places are in `value`, if it shows ids.
    let actors: JSONValue?

    /// Nil if nothing stands there.
    init?(_ object: TypedObject, showsIDs: Bool) {
        if showsIDs {
            guard let (actors, value) = object.valueWithIDs() else { return nil }
            (self.value, self.actors) = (value, actors)
        } else {
            guard let value = object.value() else { return nil }
            (self.value, actors) = (value, nil)
        }
    }
}

struct DocumentHistory: Sendable {
    private struct Step: Sendable {
        let from: UInt64
        /// As JSON, with commas between.
        let operations: ArraySlice<UInt8>
    }

    /// The newest state's.
    private(set) var number: UInt64
    private var newest: ShownDocument
    /// What the newest state takes in an event, and what operations may take in place of it.
    private var documentBytes: Int
    private var room: Int
    /// From the oldest on; the last leads to the newest state.
    private var steps = Deque<Step>()
    /// With what stands between them.
    private var stepBytes = 0
    /// What comes before the operations in an event to the newest state.
    private var head: ArraySlice<UInt8>

    private static let comma: ArraySlice<UInt8> = [0x2C]
    private static let end = Array("]}\n\n".utf8)[...]

    /// - Parameter number: greater than of any state before.
    init(_ event: KeyEvent, _ document: ShownDocument, number: UInt64) {
        self.number = number
        newest = document
        (documentBytes, room) = (event.tail.count, 0)
        head = DocumentHistory.head(event)
    }

    private static func head(_ event: KeyEvent) -> ArraySlice<UInt8> {
        var json = JSONWriter()
        json.member("version", base64: event.version)
        json.key("ops")
        json.open("[")
        return json.bytes[...]
    }

    /// About what it takes in memory: small values take much more than as JSON.
    var sizeBytes: Int { 8 * documentBytes + stepBytes }

    /// A newer state is shown by `event`; it gets the number, unless nothing differs but the version.
    mutating func follow(_ event: KeyEvent, _ document: ShownDocument, number: UInt64) {
        head = DocumentHistory.head(event)
        documentBytes = event.tail.count
        room = documentBytes - head.count - DocumentHistory.end.count
        let operations =
            document.actors == newest.actors
            ? ShownChanges.between(newest.value, document.value, under: room) : nil
        newest = document
        if let operations, !operations.isEmpty {
            steps.append(Step(from: self.number, operations: operations[...]))
            stepBytes += operations.count + 1
        } else if operations == nil {
            (steps, stepBytes) = ([], 0)
        }
        if operations?.isEmpty != true { self.number = number }
        while stepBytes >= room || steps.count > Limits.liveSteps, let first = steps.popFirst() {
            stepBytes -= first.operations.count + 1
        }
    }

    /// The end of an event that turns a state into the newest; nil if what lies between is not known any more.
    func change(from state: UInt64) -> [ArraySlice<UInt8>]? {
        guard state != number else { return [head, DocumentHistory.end] }
        guard let first = steps.firstIndex(where: { $0.from == state }) else { return nil }
        var pieces = [head]
        for step in steps[first...] {
            if pieces.count > 1 { pieces.append(DocumentHistory.comma) }
            pieces.append(step.operations)
        }
        return pieces + [DocumentHistory.end]
    }
}

/// A key as it is told in one form, with ids or without.
struct ToldKey: Sendable {
    /// Its part of an event, while nothing in it has a time to end.
    private(set) var event: KeyEvent?
    /// Where somebody asks for changes of a document.
    private(set) var history: DocumentHistory?
    /// The history has the state of the event.
    private var isFollowed = false

    var sizeBytes: Int { (event?.tail.count ?? 0) + (history?.sizeBytes ?? 0) }

    /// Says whether `event` is enough for who asks for changes, or does not.
    func isReady(forChanges: Bool) -> Bool { event.map { !forChanges || isFollowed || $0.kind != .document } ?? false }

    /// - Parameter number: of a new state.
    mutating func take(_ new: KeyEvent, forChanges: Bool, number: UInt64) {
        event = new
        event?.document = nil
        // What follows something else is shown whole.
        guard let document = new.document else { return history = nil }
        guard forChanges else { return }
        isFollowed = true
        if history == nil {
            history = DocumentHistory(new, document, number: number)
        } else {
            history?.follow(new, document, number: number)
        }
    }

    /// The contents have changed.
    mutating func forgetEvent() {
        event = nil
        isFollowed = false
    }
}
