// A request's head, whatever version of HTTP it came in.

import World
import Ring

/// The methods that are recognised: those that a path here takes, and those of RFC 9110 and 5789 beside them, which are
/// refused path by path.
package enum RequestMethod: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case put = "PUT"
    case delete = "DELETE"
    case post = "POST"
    case options = "OPTIONS"
    case trace = "TRACE"
    case patch = "PATCH"
    /// A proxy's, or another protocol's: no path takes it.
    case other

    /// RFC 9110, 9.2.1: not safe.
    package var changes: Bool {
        switch self {
        case .get, .head, .options, .trace: false
        case .put, .delete, .post, .patch, .other: true
        }
    }
}

package struct RequestHead: Sendable {
    package let method: RequestMethod
    /// The request line's middle, as it came.
    package let target: String
    package let fields: RequestFields
    /// HTTP/1.0: it closes unless told otherwise, and reads no chunks.
    let isOldClient: Bool
    /// The client expects the connection to stand after its answer.
    let isKeptAlive: Bool

    package init(
        _ method: RequestMethod, _ target: String, _ fields: RequestFields, isOldClient: Bool = false,
        isKeptAlive: Bool = true
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.isOldClient = isOldClient
        self.isKeptAlive = isKeptAlive
    }

    /// Where the client says it is.
    var location: Coordinates? {
        get throws(Problem) {
            guard let text = fields.first(.atollLocation) else { return nil }
            let parts = text.split(separator: ",").map { Double($0.trimmed) }
            guard parts.count == 2, let latitude = parts[0], let longitude = parts[1],
                let place = Coordinates(latitude: latitude, longitude: longitude)
            else { throw .malformed("Atoll-Location must be latitude,longitude in degrees") }
            return place
        }
    }
}
