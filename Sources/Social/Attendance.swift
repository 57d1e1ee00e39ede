// Who works on an intent for long says so in it. A post that many follow, behind others like it, may go to inboxes for
// longer than a keeper waits (Keeper.swift). The keeper would begin all of it anew, which makes more of what there was
// too much of; so it leaves alone what somebody has noted to be at since it looked last.

import Edge
import World

struct Attendance {
    /// Names and tokens of intents that are worked on here, with the posts that they are about.
    fileprivate var works: Set<String> = []

    /// Notes again and again, while `work` for a post goes on, that it does. False, and nothing is done, where this
    /// node is at it already.
    static func attend(_ intent: Intent, as post: PostID, _ work: Flow<Void>) -> Flow<Bool> {
        Flow { core, end in
            let key = intent.workName + "!" + intent.token + "!" + post.text
            guard core.attendance.works.insert(key).inserted else { return end(&core, .success(false)) }
            let notes = Notes(intent) { core, result in
                core.attendance.works.remove(key)
                end(&core, result.map { true })
            }
            work.start(&core) { core, result in notes.end(&core, result) }
            notes.wait(&core)
        }
    }
}

/// Of one piece of work, one after the other until it ends. It has not ended before the last of them is answered: what
/// follows may delete the intent, which a note beside that would leave standing. A class: the work and the timer hold
/// it.
private final class Notes {
    private let intent: Intent
    private let whenEnded: Flow<Void>.End
    private var result: Result<Void, Problem>?
    private var isNoting = false

    init(_ intent: Intent, _ whenEnded: @escaping Flow<Void>.End) {
        self.intent = intent
        self.whenEnded = whenEnded
    }

    func end(_ core: inout SocialCore, _ result: Result<Void, Problem>) {
        self.result = result
        if !isNoting { whenEnded(&core, result) }
    }

    func wait(_ core: inout SocialCore) {
        core.after(Limits.socialAttendance) { [self] core, _ in
            guard result == nil else { return }
            isNoting = true
            note().start(&core) { [self] core, _ in
                isNoting = false
                if let result { whenEnded(&core, result) } else { wait(&core) }
            }
        }
    }

    private func note() -> Flow<Void> {
        guard let token = SocialToken(intent.token),
            let key = SocialKeys.work(intent.workName, token.digest, intent.home)
        else { return .done }
        let standing: Flow<Stored<Intent>> = Cluster.read(key, .strict)
        return standing.then { stored in
            // Somebody else has ended it.
            guard var there = stored.record, there.step != .finished else { return .done }
            there.attended += 1
            return Cluster.write(key, there, context: stored.context, .strict).map { _ in }
        }
    }
}
