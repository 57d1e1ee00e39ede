// `atoll ring draw`: pictures of a plan and of the future, for any browser.

import ArgumentParser
import Foundation
import JSON
import Planning
import Ring
import RingFile

struct RingDrawCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draw", abstract: "Draw how full the nodes are, what a plan copies, and how the data grows.",
        discussion: """
            Writes fills.svg, flows.svg (with --from) and growth.svg (if the ring file has [growth] data) into --out.
            """)
    @OptionGroup var options: RingFileOptions
    @Option(help: ArgumentHelp("The tables before the plan.", valueName: "state.json")) var from: String?
    @Option(help: ArgumentHelp("The directory for the pictures; made if it does not exist.", valueName: "directory"))
    var out = "."
    @Option(help: "How far the growth is drawn, 1 to 600 months.") var months = 24
    @Option(help: ArgumentHelp("The day of the data in [growth]; today by default.", valueName: "yyyy-mm-dd"))
    var start: String?

    func run() throws {
        guard (1...600).contains(months) else { throw CommandFailure.usage("--months is 1 to 600, not \(months)") }
        let start = try RingCapacityCommand.date(start)
        let file = try options.file()
        let before = try from.map(RingFiles.state)
        let layout = try RingFiles.feasible(file) {
            try Layout.solve(file, from: before, progress: ProgressLine().report)
        }
        let cluster = layout.state.cluster
        let plan = Plan(from: before, to: layout)
        var pictures = [("fills.svg", FillBars.draw(plan, cluster: cluster))]
        if before != nil { pictures.append(("flows.svg", CountryFlows.draw(plan, cluster: cluster))) }
        if !layout.isDataAssumed {
            let forecast = CapacityForecast(layout, shares: file.dataShares, start: start, months: months)
            pictures.append(("growth.svg", GrowthCurves.draw(forecast, cluster: cluster)))
        }
        do {
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        } catch { throw CommandFailure.usage("cannot make the directory \(out): \(error.localizedDescription)") }
        let paths = pictures.map { out == "." ? $0.0 : "\(out)/\($0.0)" }
        for (picture, path) in zip(pictures, paths) { try RingFiles.write(Array(picture.1.utf8), to: path) }
        if options.json {
            print(JSONValue.object(["pictures": .strings(paths)]).text())
        } else {
            paths.forEach { print($0) }
        }
    }
}
