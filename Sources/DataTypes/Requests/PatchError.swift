// Why a request that changes a typed object in part is refused before, or while, it is carried out.

package struct PatchError: Error, Hashable, Sendable {
    package enum Code: Hashable, Sendable {
        /// It is not of the language that its media type names: 400.
        case malformed
        /// It is more than one request may bring: 413.
        case tooLarge
        /// It is well formed, but this cannot be done, here or anywhere: 422.
        case notApplicable
        /// A `test` found something else: 412.
        case testFailed
    }

    package let code: Code
    package let detail: String
    /// Which of the operations is meant, from 0; nil where it is the request as a whole.
    package private(set) var operation: Int?

    init(_ code: Code, _ detail: String, operation: Int? = nil) {
        self.code = code
        self.detail = detail
        self.operation = operation
    }

    /// The same of the operation with this number.
    func of(_ operation: Int) -> PatchError { PatchError(code, detail, operation: operation) }
}
