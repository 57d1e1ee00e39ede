// The jobs of the social layer's threads, and its pages.

package import JSON

/// What keeps a password from being tried by the million: scrypt, on a thread of its own.
package enum HashJob: Sendable {
    case make(password: [UInt8], salt: [UInt8])
    /// Against a PHC string.
    case check(password: [UInt8], phc: String)
}

package enum HashResult: Sendable {
    /// A PHC string.
    case made(String)
    /// `isWeaker`: than one that would be made today.
    case checked(Bool, isWeaker: Bool)
    case overloaded
}

/// What is made into safe HTML on a thread of its own.
package enum RenderJob: Sendable {
    case markdown([UInt8])
    case feedHTML([UInt8])
}

/// A page before it is HTML: the name of a template, and what that shows.
package struct Page: Sendable {
    package let name: String
    package let values: JSONValue

    package init(_ name: String, _ values: JSONValue) {
        self.name = name
        self.values = values
    }
}
