// In which order a node's posts go to inboxes. A few go out side by side, so that one to ten thousand, or to people far
// away, does not keep a small one waiting; the others wait in the order in which they came, as posts: what waits is
// small, however many follow. Begun all at once each would take as long as all of them together.

import DequeModule
import World

struct DeliveryQueue {
    private var running = 0
    private var waiting = Deque<(inout SocialCore) -> Void>()

    /// Whether somebody's post can still be taken: more would come to inboxes too late to be called accepted.
    var hasRoom: Bool { waiting.count < Limits.socialDeliveriesWaiting }
    /// Those that wait, and those that go out.
    var count: Int { running + waiting.count }

    /// Begins `delivery` when it is its turn.
    static func turn(_ delivery: Flow<Void>) -> Flow<Void> {
        Flow { core, end in
            core.deliveries.waiting.append { core in
                delivery.start(&core) { core, result in
                    core.deliveries.running -= 1
                    end(&core, result)
                    beginNext(&core)
                }
            }
            beginNext(&core)
        }
    }

    private static func beginNext(_ core: inout SocialCore) {
        guard core.deliveries.running < Limits.socialDeliveriesAtOnce, let begin = core.deliveries.waiting.popFirst()
        else { return }
        core.deliveries.running += 1
        begin(&core)
    }
}
