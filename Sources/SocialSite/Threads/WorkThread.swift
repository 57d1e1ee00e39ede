// A thread for one kind of slow work of the site: what it is given waits in order, up to a bound; past that it is
// answered at once that there is too much. No loop ever does such work.

import Dispatch
import Server
import Social
import World

// Safe to share: the mailbox is made for several threads, and nothing else changes.
final class WorkThread<Job: Sendable, Answer: Sendable>: Sendable {
    private struct Piece: QueuedWork {
        let job: Job
        let byteCount: Int
        let answer: @Sendable (Answer) -> Void
    }

    private let mailbox: Mailbox<Piece>
    private let size: @Sendable (Job) -> Int
    private let overloaded: Answer
    private let ended = DispatchGroup()

    /// - size: what a job holds in memory.
    /// - work: what is done with it, on this thread.
    init(
        _ name: String, waiting: Int, bytes: Int, overloaded: Answer, size: @escaping @Sendable (Job) -> Int,
        work: @escaping @Sendable (Job) -> Answer
    ) {
        var bounds = WorkBounds()
        bounds.pieces = waiting
        bounds.bytes = bytes
        let mailbox = Mailbox<Piece>(bounds)
        self.mailbox = mailbox
        self.size = size
        self.overloaded = overloaded
        runThread(name, ended) {
            while let pieces = mailbox.take(most: 1) { for piece in pieces { piece.answer(work(piece.job)) } }
        }
    }

    /// `answer` is called once: on the thread, or here if there is too much to do, or no thread any more.
    func ask(_ job: Job, _ answer: @escaping @Sendable (Answer) -> Void) {
        let refused = mailbox.put([Piece(job: job, byteCount: size(job), answer: answer)])
        for piece in refused { piece.answer(overloaded) }
    }

    /// What waits is answered that there is too much to do; returns when the thread has ended.
    func stop() {
        mailbox.close()
        for piece in mailbox.takeBack({ _ in true }) { piece.answer(overloaded) }
        ended.wait()
    }
}

/// Hashes passwords and checks them.
typealias PasswordThread = WorkThread<HashJob, HashResult>

extension PasswordThread {
    convenience init() {
        // Passwords are small, and checked for it before they come here.
        self.init(
            "atoll-passwords", waiting: Limits.passwordsWaiting, bytes: .max, overloaded: .overloaded, size: { _ in 0 },
            work: PasswordHash.answer)
    }
}

/// Makes texts into safe HTML: nil where there is too much to do, or where a text is beyond the bounds.
typealias MarkdownThread = WorkThread<RenderJob, [UInt8]?>

extension MarkdownThread {
    convenience init() {
        self.init(
            "atoll-markdown", waiting: Limits.rendersWaiting, bytes: Limits.renderBytesWaiting, overloaded: nil,
            size: { job in
                switch job {
                case .markdown(let text): text.count
                }
            },
            work: { job in
                switch job {
                case .markdown(let text): Markdown.html(text)
                }
            })
    }
}
