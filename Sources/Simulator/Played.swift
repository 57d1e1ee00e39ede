// How often each thing that can happen was played: every kind of input and effect of each core, of message, question,
// answer and refusal. A simulation proves nothing of what it never plays; a test holds that it plays all of this.

import DataTypes
import Causality
import Gateway
import Node
import Wire

enum Played: Int, CaseIterable, Sendable {
    // Inputs of a request loop, and its effects.
    case loopClient, loopOwnRead, loopRequest, loopReplies, loopLost, loopUnsent, loopLink, loopAnswers, loopTookBack
    case loopLiveness, loopReplicationDelay, loopWake, loopTurnEnds
    case loopSends, loopWorks, loopTakesBack, loopAnswersPeer, loopAnswersClient, loopAnswersOwnRead, loopSleeps
    // Of a storage thread, of the hint thread.
    case shardJobs, shardWorked, shardRests, shardAnnounces, shardCommits, shardCommitsUnsynced, shardAnswers,
        shardFindsExpired
    case shardHandsOn, shardTellsChanges
    case hintRequest, hintReplay, hintConfirm, hintReject, hintRejectFull, hintLost, hintCommitted, hintsBusy
    case hintsCommit, hintsAnswer, hintsDeliver
    // Of the control loop.
    case controlGossip, controlGossipLink, controlReport, controlReplies, controlLost, controlLink, controlAnswers
    case controlDeliver, controlExpired, controlTick
    case controlGossips, controlSends, controlWorks, controlHints, controlLiveness, controlReplicationDelay
    case controlStaleGeneration
    // Of what that has of live reads.
    case liveSubscribe, liveDrained, liveClosed, liveMessage, liveChanged
    case liveSends, liveWrites, liveTold
    case liveConnected, liveResumed, liveReset
    /// A node says that its disk is full while it takes values, until there is more room.
    case toldFullForMargin
    // Of what that has of names, and of the names' thread.
    case nameRequest, nameReconfigure, nameMessage, nameVotes, nameWake
    case nameSends, nameAsksOwn, nameAnswers, nameReconfigured, nameSleeps
    case votesStart, votesAsked, votesCommitted, votesCommit, votesCast
    // What clients ask, and hear.
    case askedRead, askedPut, askedDelete, askedIfAbsent, askedToExpire, askedList, askedNextPage, askedOwnRead
    case askedTypedRead, askedOperations, askedMergePatch, askedJSONPatch, askedTypedPut, askedTypedDelete, askedAgain
    case heardObject, heardNothing, heardSiblings, heardExpired, heardWritten, heardCreated, heardList, heardCutList
    case heardTyped, heardOperated, heardNotApplied
    // What a site asks alone, and hears.
    case mergeEach, heardInserted, heardLeft
    case heardBadLevel, heardExists, heardVectorFull, heardDiskFull, heardOverloaded, heardNoQuorum
    // What nodes ask each other, and answer.
    case read, mint, mintSweep, merge, repair, hint, readHints, range, compare
    case object, summary, minted, stored, storedBeside, page, fingerprints
    case refusedBusy, refusedDiskFull, refusedExists, refusedHintsFull, refusedVectorFull
    case refusedLate, refusedSuperseded, refusedBehind, refusedNotApplied
    // Of a link that a node makes, and of a connection that it accepts: what comes with something to be done about it.
    case linkWanted, linkConnected, linkFailed, linkUnanswered, linkOverdue, linkReceived, linkDisconnected
    case linkConnects, linkGreets, linkAcceptsLargeFrames, linkUp, linkDown, linkAnswered, linkLost
    case linkPauses, linkEndsPause, linkDisconnects, linkRefused, linkInTrouble
    case acceptedReceived, acceptedOverdue, acceptedDisconnected
    case acceptedWelcomes, acceptedLargeFrames, acceptedShowedItself, acceptedServes, acceptedServesMerges
    case acceptedGossip, acceptedNames, acceptedLive, acceptedDisconnects, acceptedRefuses, acceptedLeft
    case greetingBroken
    // On the wire.
    case frameHello, frameWelcome, frameRequest, frameMerges, frameReply, frameStored, frameGossip, frameNames,
        frameLive
    case severalFramesAtOnce, framesCutApart
    case connectionReset, connectionGivenUp
    // Lives of nodes.
    case beganNewLife, wentOnAfterCleanStop, heardOfLaterLife, refusedForeignDisk, refusedDamagedDisk
    case movedStoreAside, diskFailed, commitOutlivedCrash, commitTorn, commitLost, commitHalfDone
}

/// How often each was.
package struct PlayCounts: Sendable {
    private(set) var played = [Int](repeating: 0, count: Played.allCases.count)
    /// By their places in `Fault.all`.
    private(set) var faults = [Int](repeating: 0, count: Fault.all.count)

    package init() {}

    package mutating func add(_ other: PlayCounts) {
        for place in played.indices { played[place] += other.played[place] }
        for place in faults.indices { faults[place] += other.faults[place] }
    }

    mutating func add(_ what: Played?, times: Int = 1) { if let what { played[what.rawValue] += times } }
    mutating func add(fault place: Int) { faults[place] += 1 }

    /// All of them by name, in the order of their declaration.
    package var table: [(name: String, count: Int)] {
        Played.allCases.map { ("\($0)", played[$0.rawValue]) }
            + Fault.all.indices.map { ("fault: \(Fault.all[$0].name)", faults[$0]) }
    }
}

/// The counts of one run, to which all of its parts add.
final class PlayLedger {
    private(set) var counts = PlayCounts()
    func add(_ what: Played?, times: Int = 1) { counts.add(what, times: times) }
    func add(fault place: Int) { counts.add(fault: place) }
}

// Each kind by its own name; exhaustive, so that a new one has to be named here.

extension LoopCore.Input {
    var played: Played {
        switch self {
        case .client: .loopClient
        case .ownRead: .loopOwnRead
        case .request: .loopRequest
        case .replies: .loopReplies
        case .lost: .loopLost
        case .unsent: .loopUnsent
        case .link: .loopLink
        case .answers: .loopAnswers
        case .tookBack: .loopTookBack
        case .liveness: .loopLiveness
        case .replicationDelay: .loopReplicationDelay
        case .wake: .loopWake
        case .turnEnds: .loopTurnEnds
        }
    }
}

extension LoopCore.Effect {
    var played: Played {
        switch self {
        case .send: .loopSends
        case .work: .loopWorks
        case .takeBack: .loopTakesBack
        case .answerPeer: .loopAnswersPeer
        case .answer: .loopAnswersClient
        case .answerOwnRead: .loopAnswersOwnRead
        case .wakeAt: .loopSleeps
        }
    }
}

extension ShardCore.Input {
    var played: Played {
        switch self {
        case .jobs: .shardJobs
        case .worked: .shardWorked
        }
    }
}

extension ShardCore.Effect {
    var played: Played {
        switch self {
        case .announce: .shardAnnounces
        case .commit(_, let synced): synced ? .shardCommits : .shardCommitsUnsynced
        case .answer: .shardAnswers
        case .handOn: .shardHandsOn
        case .expired: .shardFindsExpired
        case .changed: .shardTellsChanges
        }
    }
}

extension HintCore.Job {
    var played: Played {
        switch self {
        case .request: .hintRequest
        case .replay: .hintReplay
        case .confirm: .hintConfirm
        case .reject(_, _, let code): code == .diskFull ? .hintRejectFull : .hintReject
        case .lost: .hintLost
        }
    }
}

extension HintCore.Effect {
    var played: Played {
        switch self {
        case .commit: .hintsCommit
        case .answer: .hintsAnswer
        case .deliver: .hintsDeliver
        }
    }
}

extension ControlCore.Input {
    var played: Played? {
        switch self {
        case .gossip: .controlGossip
        case .gossipLink: .controlGossipLink
        case .report: .controlReport
        case .replies: .controlReplies
        case .lost: .controlLost
        case .link: .controlLink
        case .answers: .controlAnswers
        case .deliver: .controlDeliver
        case .expired: .controlExpired
        case .names(let input): input.played
        case .live(let input): input.played
        case .tick: .controlTick
        }
    }
}

extension ControlCore.Effect {
    /// Nil for what a server only writes into its log.
    var played: Played? {
        switch self {
        case .gossip: .controlGossips
        case .send: .controlSends
        case .work: .controlWorks
        case .hints: .controlHints
        case .names: nil  // by its own kind
        case .live(let effect): effect.played
        case .liveness: .controlLiveness
        case .replicationDelay: .controlReplicationDelay
        case .keysApart: nil
        case .staleGeneration: .controlStaleGeneration
        }
    }
}

extension NameDesk.Input {
    /// Nil for what no simulated client does: the ring documents' numbers have tests of their own.
    var played: Played? {
        switch self {
        case .request: .nameRequest
        case .configure: nil
        case .reconfigure: .nameReconfigure
        case .message: .nameMessage
        case .votes: .nameVotes
        case .wake: .nameWake
        }
    }
}

extension NameDesk.Effect {
    var played: Played {
        switch self {
        case .send: .nameSends
        case .ask: .nameAsksOwn
        case .answer: .nameAnswers
        case .reconfigured: .nameReconfigured
        case .wakeAt: .nameSleeps
        }
    }
}

extension LiveDesk.Input {
    /// Nil for what people say to each other, which changes nothing: PresenceTests have it.
    var played: Played? {
        switch self {
        case .subscribe: .liveSubscribe
        case .drained: .liveDrained
        case .closed: .liveClosed
        case .message: .liveMessage
        case .changed: .liveChanged
        case .say: nil
        }
    }
}

extension LiveDesk.Effect {
    /// Nil for an end, which few watches as a run has never come to: HubScripts have it.
    var played: Played? {
        switch self {
        case .send: .liveSends
        case .write: .liveWrites
        case .end: nil
        case .told: .liveTold
        }
    }
}

extension VoteCore.Input {
    /// Nil for a store that is found damaged while it is written: NameStoreThreadTests have a real one.
    var played: Played? {
        switch self {
        case .start: .votesStart
        case .asked: .votesAsked
        case .committed: .votesCommitted
        case .damaged: nil
        }
    }
}

extension VoteCore.Effect {
    /// Nil for what a server only writes into its log.
    var played: Played? {
        switch self {
        case .commit: .votesCommit
        case .votes: .votesCast
        case .quarantined, .damaged: nil
        }
    }
}

extension ReplicaRequest {
    /// Nil for what is never sent.
    var played: Played? {
        switch self {
        case .read: .read
        case .mint(let mint): mint.isOfSweep ? .mintSweep : .mint
        case .insert: nil
        case .mergeEach: .mergeEach
        case .merge(_, _, let repair): repair ? .repair : .merge
        case .hint: .hint
        case .readHints: .readHints
        case .range: .range
        case .compare: .compare
        }
    }
}

extension ReplicaReply {
    /// Nil for refusals of what the simulated clients do not do, or not within a run's time; and of what only a node
    /// with another assignment asks. Those have tests of their own.
    var played: Played? {
        switch self {
        case .object: .object
        case .summary: .summary
        case .minted: .minted
        case .stored: .stored
        case .storedBeside: .storedBeside
        case .page: .page
        case .fingerprints: .fingerprints
        case .refused(let refusal):
            switch refusal.code {
            case .busy: .refusedBusy
            case .diskFull: .refusedDiskFull
            case .exists: .refusedExists
            case .hintsFull: .refusedHintsFull
            case .vectorFull: .refusedVectorFull
            case .late: .refusedLate
            case .superseded: .refusedSuperseded
            case .behind: .refusedBehind
            case .notApplied: .refusedNotApplied
            // What is void is late, unless a machine stood still and did not notice.
            case .voided: nil
            case .unknown, .tooLarge, .tooManySiblings, .notReplica, .malformed, .stopped: nil
            }
        }
    }
}

extension PeerMessage {
    /// Nil for what only a node without a ring asks for; and for names, which are counted as they come.
    var played: Played? {
        switch self {
        case .hello: .frameHello
        case .welcome: .frameWelcome
        case .request: .frameRequest
        case .mergeRequests: .frameMerges
        case .reply: .frameReply
        case .storedReplies: .frameStored
        case .gossip: .frameGossip
        case .live: .frameLive
        case .names, .ringRequest, .ringReply: nil
        }
    }
}

extension ClientOutcome {
    var played: Played? {
        switch self {
        case .object(let object, _):
            switch object?.values.count ?? 0 {
            case 0: object?.hasValue ?? false ? .heardTyped : .heardNothing
            case 1: .heardObject
            default: .heardSiblings
            }
        case .written(_, let created, _): created ? .heardCreated : .heardWritten
        case .operated: .heardOperated
        case .inserted(let left): left.isEmpty ? .heardInserted : .heardLeft
        case .list(_, let next, _): next == nil ? .heardList : .heardCutList
        case .failed(let failure, _):
            switch failure {
            case .badLevel: .heardBadLevel
            case .exists: .heardExists
            case .vectorFull: .heardVectorFull
            case .diskFull: .heardDiskFull
            case .overloaded: .heardOverloaded
            case .quorumNotReached: .heardNoQuorum
            case .notApplied: .heardNotApplied
            case .tooManySiblings, .tooLarge, .behind, .malformed: nil
            }
        }
    }
}

extension MintRequest {
    fileprivate var isOfSweep: Bool { value.flatMap { try? TypedCall(decoding: $0) }?.kind == .sweep }
}
