// What operators ask of the namestore, carried out on the control loop.

import Edge
import NIOCore
import NameStore
import Node
import Ring
import World

extension ControlLoop {
    func answer(_ call: NamestoreCall) -> EventLoopFuture<HTTPResponse> {
        switch call {
        case .show: return now(.json(status.json))
        case .reconfigure(let nodes):
            // Whether these nodes have the votes already is for their stores to say, so that takes a moment too.
            if let refusal = reconfigure(to: nodes).flatMap(NamestoreResponses.refusal) { return now(refusal) }
            return now(.json(status.json, 202))
        case .claim(let epoch, let digest):
            return request(.commitRing(number: epoch, digest: digest)).map(NamestoreResponses.claim)
        }
    }

    private var status: NamestoreStatus {
        let (names, thread) = (core.names, acceptorThread)
        return NamestoreStatus(
            of: identity, configuration: names.configuration, store: thread?.storeID,
            quarantine: thread?.quarantine?.description, damagedRecords: thread?.damagedRecords ?? 0,
            underWay: names.underWay, progress: names.progress, lastOutcome: names.lastOutcome)
    }
}
