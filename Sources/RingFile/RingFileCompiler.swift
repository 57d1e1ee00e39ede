// From a ring file's text to a ring document: read every section, then solve each placement.

package import Ring
import Solver
import World

extension RingDocument {
    /// Reads a ring file and assigns every partition.
    ///
    /// - Parameters:
    ///   - text: TOML; see docs/RING.md.
    ///   - fileName: what errors call it.
    ///   - epoch: the number of the new document, at least 1.
    ///   - previous: the document in force: as few replicas as possible move away from its tables. Nil: nothing.
    /// - Throws: the first mistake, with its place in the text.
    package static func compile(
        ringFile text: String, fileName: String, epoch: UInt64 = 1, previous: RingDocument? = nil
    ) throws(RingFileError) -> RingDocument {
        let file = try RingFileCompiler.read(text, fileName: fileName)
        var draft = file.draft
        draft.epoch = epoch
        for placement in draft.placements {
            var held = HeldTable.none
            if let previous, let table = previous.assignment(ofPlacement: placement.name) {
                held = HeldTable(
                    table, nodes: previous.nodes.map(\.id), in: draft.nodes, partitions: draft.partitions)
            }
            do {
                draft.assignments.append(try assign(PlacementProblem.make(placement, draft: draft, held: held).problem))
            } catch {
                throw file.error(inPlacement: placement.name, error.message)
            }
        }
        let document: RingDocument
        do { document = try RingDocument(draft) } catch { throw file.error(error.message) }
        guard document.encode().count <= Limits.ringDocumentBytes else {
            throw file.error("the tables of this many partitions and placements are larger than a ring document may be")
        }
        return document
    }
}

/// A ring file that was read and checked, its placements not solved yet.
package struct RingSpecification: Sendable {
    /// Without assignments.
    package let draft: RingDraft
    /// By placement: its share of `[growth] data`, for planning; they sum to 1.
    package let dataShares: [Double]
    private let fileName: String
    private let placementPositions: [String: TextPosition]

    init(draft: RingDraft, dataShares: [Double], fileName: String, placementPositions: [String: TextPosition]) {
        self.draft = draft
        self.dataShares = dataShares
        self.fileName = fileName
        self.placementPositions = placementPositions
    }

    package init(_ text: String, fileName: String) throws(RingFileError) {
        self = try RingFileCompiler.read(text, fileName: fileName)
    }

    func error(_ message: String) -> RingFileError {
        RingFileError(file: fileName, line: 1, column: 1, message: message)
    }

    /// An error at the header of a placement.
    package func error(inPlacement name: String, _ message: String) -> RingFileError {
        let position = placementPositions[name] ?? .start
        return RingFileError(file: fileName, line: position.line, column: position.column, message: message)
    }
}

/// Reads the sections in the order in which they depend on each other.
struct RingFileCompiler {
    let text: String
    let fileName: String
    var draft = RingDraft()
    var placementPositions: [String: TextPosition] = [:]
    var dataShares: [Double] = []

    static func read(_ text: String, fileName: String) throws(RingFileError) -> RingSpecification {
        var compiler = RingFileCompiler(text: text, fileName: fileName)
        try compiler.root()
        return RingSpecification(
            draft: compiler.draft, dataShares: compiler.dataShares, fileName: fileName,
            placementPositions: compiler.placementPositions)
    }

    private mutating func root() throws(RingFileError) {
        var root = try RingFileTable(text, file: fileName)
        guard let cluster = try label("cluster", in: &root, "the cluster's name") else {
            throw root.error("the ring file needs cluster, a name that its nodes share")
        }
        draft.cluster = cluster
        if let partitions = try root.integer("partitions") {
            guard partitions >= 1, partitions <= Limits.partitions, partitions.nonzeroBitCount == 1 else {
                throw root.error(
                    "partitions must be a power of two from 1 to \(Limits.partitions), not \(partitions)",
                    key: "partitions")
            }
            draft.partitions = partitions
        }
        draft.planning.fullAt = try share("full_at", in: &root) ?? draft.planning.fullAt
        guard draft.planning.fullAt > 0 else { throw root.error("full_at must be above 0", key: "full_at") }
        draft.planning.slack = try share("slack", in: &root) ?? draft.planning.slack

        // Sections are asked for before any is judged, so that an unknown one is reported by its name.
        let countries = try root.namedTables("country")
        let nodes = try root.tables("node")
        let placements = try root.namedTables("placement")
        let defaults = try root.table("defaults")
        let buckets = try root.namedTables("bucket")
        let names = try root.table("names")
        let site = try root.table("social")
        let score = try root.table("score")
        let growth = try root.table("growth")
        let links = try root.namedTables("link")
        try root.finish()

        try self.countries(countries)
        try self.nodes(nodes, root, hasSite: site != nil)
        try self.placements(placements, root)
        try self.buckets(defaults: defaults, buckets, root)
        try self.site(site)
        try self.acceptors(names)
        try self.score(score)
        try self.growth(growth)
        try self.links(links)
    }

    // MARK: Scalars with a meaning

    func label(_ key: String, in table: inout RingFileTable, _ what: String) throws(RingFileError) -> String? {
        guard let name = try table.string(key) else { return nil }
        guard RingNames.isLabel(name) else {
            throw table.error("\(what) must be 1 to \(Limits.labelBytes) letters, digits, '.', '_' or '-'", key: key)
        }
        return name
    }

    func share(_ key: String, in table: inout RingFileTable) throws(RingFileError) -> Double? {
        guard let text = try table.stringOrNumber(key) else { return nil }
        guard let share = Units.share(text), share <= 1 else {
            throw table.error("\(key) must be a share such as 0.02 or \"2%\", from 0 to 1, not \(text)", key: key)
        }
        return share
    }

    func bytes(_ key: String, in table: inout RingFileTable) throws(RingFileError) -> UInt64? {
        guard let text = try table.stringOrNumber(key) else { return nil }
        guard let bytes = Units.bytes(text) else {
            throw table.error("\(key) must be a size such as \"8TB\" or \"512MiB\", not \(text)", key: key)
        }
        return bytes
    }

    func positive(_ key: String, in table: inout RingFileTable) throws(RingFileError) -> Double? {
        guard let number = try table.number(key) else { return nil }
        guard number > 0 else { throw table.error("\(key) must be above 0, not \(number)", key: key) }
        return number
    }

    func choice<T: CaseIterable & RawRepresentable<String>>(
        _ key: String, in table: inout RingFileTable, _: T.Type
    ) throws(RingFileError) -> T? {
        guard let text = try table.string(key) else { return nil }
        guard let value = T(rawValue: text) else {
            let words = T.allCases.map(\.rawValue).joined(separator: ", ")
            throw table.error("\(key) must be one of \(words), not \(text)", key: key)
        }
        return value
    }
}
