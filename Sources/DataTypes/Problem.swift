// Why a request on a typed object was not done.

package enum TypedProblem: Error, Hashable, Sendable {
    /// The bucket's keys are of another kind.
    case wrongType
    /// An index of a context from before a sweep, or a removal of texts or lists, can't be counted any more.
    case contextTooOld
    /// The request may have been done long ago, and what is remembered does not reach so far.
    case retryUnknown
    case tooManyActors
    /// A `test` failed; the place of the operation in its request.
    case testFailed(operation: Int)
    case notApplicable(operation: Int, Reason)
    case tooLarge
    /// This replica has not seen what the request's context names: another may have, or this one later.
    case behind

    package enum Reason: String, Hashable, Sendable {
        case noSuchPath = "nothing stands at this path"
        case otherKind = "something of another kind stands at this path"
        case outOfRange = "the position is beyond the end"
        case noSuchElement = "there is no such element"
        case notScalar = "the value is not a scalar"
        case malformedValue = "the value is not of its kind"
        case malformedPath = "the path is too long, or ends where it must not"
        case tooMuch = "it is too much for one container, element or operation"
        case overflow = "the counter would become too large"
    }
}
