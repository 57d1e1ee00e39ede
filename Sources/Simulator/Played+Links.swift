// What happens to the two ends of a connection, and what is done about it, by name (Played.swift).

import Node

extension PeerLinkState.Event {
    /// Nil for bytes that are no message, and for a server that closes its links before it stops: the scripts have
    /// them.
    var played: Played? {
        switch self {
        case .wanted: .linkWanted
        case .connected: .linkConnected
        case .failed: .linkFailed
        case .unanswered: .linkUnanswered
        case .welcomeIsOverdue: .linkOverdue
        case .received: .linkReceived
        case .disconnected: .linkDisconnected
        case .broke, .close: nil
        }
    }
}

extension PeerLinkState.Action {
    /// Nil for what no node says to one that has connected to it.
    var played: Played? {
        switch self {
        case .connect: .linkConnects
        case .greet: .linkGreets
        case .acceptLargeFrames: .linkAcceptsLargeFrames
        case .up: .linkUp
        case .down: .linkDown
        case .answered: .linkAnswered
        case .lost: .linkLost
        case .pause: .linkPauses
        case .endPause: .linkEndsPause
        case .disconnect: .linkDisconnects
        case .reportRefusal: .linkRefused
        case .reportTrouble: .linkInTrouble
        case .deliver: nil
        }
    }
}

extension PeerServerState.Event {
    /// Nil for nodes without a ring, and for bytes that are no message: the scripts have them.
    var played: Played? {
        switch self {
        case .received: .acceptedReceived
        case .greetingIsOverdue: .acceptedOverdue
        case .disconnected: .acceptedDisconnected
        case .mayJoin, .broke: nil
        }
    }
}

extension PeerServerState.Action {
    /// Nil likewise.
    var played: Played? {
        switch self {
        case .welcome: .acceptedWelcomes
        case .acceptLargeFrames: .acceptedLargeFrames
        case .showedItself: .acceptedShowedItself
        case .serve: .acceptedServes
        case .serveMerges: .acceptedServesMerges
        case .gossip: .acceptedGossip
        case .names: .acceptedNames
        case .live: .acceptedLive
        case .disconnect: .acceptedDisconnects
        case .reportRefusal: .acceptedRefuses
        case .left: .acceptedLeft
        case .askToJoin, .giveRing, .joinedNoMore, .reportTrouble: nil
        }
    }
}
