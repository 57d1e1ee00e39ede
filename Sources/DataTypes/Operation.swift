// What a client asks of a typed object: operations on paths, before anything is known of the object.
//
// A request has several; all are done or none is (docs/TYPES.md). Merge patches, JSON patches and the vocabulary of our
// own come down to these.

package import Causality
package import JSON

/// Where in an object: field names, places in lists, elements of lists by their ids. An empty one is the root.
package struct Path: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        /// A field of a map; where a list stands, digits are an index.
        case name(String)
        /// An element of a list by the dot that made it (`@node~incarnation:counter`).
        case id(Dot)
        /// Behind the last element of a list (`-` of RFC 6901).
        case end
    }

    package var steps: [Step]

    package init(_ steps: [Step] = []) { self.steps = steps }
}

/// A place among the elements of a list or the scalar values of a text.
package enum Position: Hashable, Sendable {
    /// So many visible elements before it, as the writer saw them.
    case at(Int)
    /// Behind the element or scalar value of this dot.
    case after(Dot)
    case end
}

/// An element that stands in a list.
package enum ElementPlace: Hashable, Sendable {
    case at(Int)
    case id(Dot)
}

package enum Operation: Hashable, Sendable {
    /// `$text`, `$counter`, `$set`, `$flag` as objects of one member choose kinds; maps and arrays nest.
    case set(Path, JSONValue)
    case remove(Path)
    case increment(Path, by: Int64)
    case add(Path, JSONValue)
    case discard(Path, JSONValue)
    case enable(Path)
    case disable(Path)
    /// Into a list.
    case insert(Path, Position, [JSONValue])
    /// In a text: deletes so many scalar values behind the position, and puts others in their place.
    case splice(Path, Position, delete: Int, text: String)
    case move(Path, ElementPlace, to: Position)
    /// Judged by the minter.
    case test(Path, JSONValue)
}
