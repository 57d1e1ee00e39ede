// A whole load run: loops, connections, the phases one after the other, the progress line.

import Foundation
import NIOCore
import NIOPosix
import World

struct LoadResult: Sendable {
    var figures: LoadFigures
    /// From the start of what is measured to its end, s.
    var seconds: Double

    /// Answers per second that were no errors and came before the end.
    func rate(_ operation: LoadFigures.OfOperation) -> Double { seconds > 0 ? Double(operation.inTime) / seconds : 0 }
}

struct LoadRun {
    private let plan: LoadPlan
    private let group: MultiThreadedEventLoopGroup
    private let loops: [LoadLoop]
    private let showsProgress: Bool

    init(_ plan: LoadPlan, showsProgress: Bool) {
        self.plan = plan
        self.showsProgress = showsProgress
        group = MultiThreadedEventLoopGroup(numberOfThreads: plan.threads)
        var random = SeededRandom(seed: plan.seed)
        let choice = plan.distribution.choice(of: plan.keys)
        loops = group.makeIterator().enumerated().map { index, eventLoop in
            LoadLoop(
                plan, share: LoadShare(index: index, count: plan.threads), choice: choice, on: eventLoop,
                random: random.fork())
        }
    }

    func connect() async throws {
        for loop in loops {
            do { try await loop.connect().get() } catch {
                throw CommandFailure.usage(
                    "cannot connect to \(plan.urls.map(\.description).joined(separator: ", ")): \(error)")
            }
        }
    }

    /// Writes every key once; a key that could not be written fails the run, since its reads would measure something
    /// else.
    func load() async throws -> LoadResult {
        let start = LoadLoop.now
        let figures = try await figures("load") { $0.load() }
        let errors = figures.put.errors
        guard errors == 0 else {
            throw CommandFailure.no(
                "\(errors) of \(plan.keys) keys could not be written (\(BenchReport.statuses(figures).joined(separator: ", ")))"
            )
        }
        return LoadResult(figures: figures, seconds: LoadRun.seconds(from: start, to: figures.lastAnswer))
    }

    func measure() async throws -> LoadResult {
        let start = LoadLoop.now + plan.warmUp
        let figures = try await figures(plan.workload.rawValue) { $0.run() }
        switch plan.extent {
        case .duration(let span): return LoadResult(figures: figures, seconds: Double(span) / 1e9)
        case .requests:
            return LoadResult(figures: figures, seconds: LoadRun.seconds(from: start, to: figures.lastAnswer))
        }
    }

    func close() async {
        for loop in loops { try? await loop.close().get() }
        try? await group.shutdownGracefully()
    }

    private static func seconds(from start: UInt64, to end: UInt64) -> Double {
        end > start ? Double(end - start) / 1e9 : 0
    }

    private func figures(_ phase: String, _ start: (LoadLoop) -> EventLoopFuture<LoadFigures>) async throws
        -> LoadFigures
    {
        let parts = loops.map(start)
        let progress = showsProgress ? Task { await report(phase) } : nil
        defer { progress?.cancel() }
        var sum = LoadFigures()
        for part in parts { sum.add(try await part.get()) }
        if let progress {
            progress.cancel()
            await progress.value
            Terminal.status("")
        }
        return sum
    }

    /// Once a second: the rate of that second, and the latencies up to then.
    private func report(_ phase: String) async {
        var before = 0
        var seconds = 0
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            var sum = LoadFigures()
            for loop in loops { if let part = try? await loop.progress().get() { sum.add(part) } }
            let all = sum.all
            seconds += 1
            let rate = all.inTime - before
            before = all.inTime
            Terminal.status(
                "\(phase) \(seconds) s: \(BenchReport.count(max(0, rate))) req/s, p50 \(BenchReport.ms(all.latencies, 50)) ms, "
                    + "p99 \(BenchReport.ms(all.latencies, 99)) ms, \(BenchReport.count(all.errors)) errors")
        }
    }
}

extension Terminal {
    static let showsStatus = isatty(STDERR_FILENO) == 1

    /// A line that the next one overwrites.
    static func status(_ text: String) { FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8)) }
}
