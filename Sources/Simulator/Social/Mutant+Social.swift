// Rules of the social layer that are left out; the switches are its core's own.

import Social

extension Mutant {
    var socialSeams: SocialSeams {
        var seams = SocialSeams()
        switch self {
        case .socialClaimsFirst: seams.claimsFirst = true
        case .socialBelievesOneReplica: seams.believesOneReplica = true
        case .socialIgnoresPostID: seams.ignoresPostID = true
        case .socialTakesNothingUp: seams.takesNothingUp = true
        default: break
        }
        return seams
    }

    var isOfSocial: Bool {
        switch self {
        case .socialClaimsFirst, .socialBelievesOneReplica, .socialIgnoresPostID, .socialTakesNothingUp: true
        default: false
        }
    }
}
