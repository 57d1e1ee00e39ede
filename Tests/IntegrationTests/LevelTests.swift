// Consistency levels, strictness, and the honest account of each answer.

import Testing

/// `Atoll-Acks`, taken apart.
struct Acks: Equatable {
    var replicas = 0
    var countries: Set<String> = []
    var hinted = 0
    var level = ""
    var reached = false

    init?(_ header: String?) {
        guard let header else { return nil }
        for part in header.split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { return nil }
            let value = String(pair[1])
            switch pair[0].drop(while: { $0 == " " }) {
            case "replicas": replicas = Int(value) ?? -1
            case "countries": countries = Set(value.split(separator: ",").map(String.init))
            case "hinted": hinted = Int(value) ?? -1
            case "level": level = value
            case "reached": reached = value == "true"
            default: return nil
            }
        }
    }
}

extension Integration {
    @Suite(.threeNodes) struct LevelTests {
        @Test(arguments: [
            ("1", 1), ("2", 2), ("3", 3), ("one", 1), ("quorum", 2), ("local", 1), ("each", 3), ("all", 3),
        ])
        func everyLevelIsReachedAndAccountedFor(_ level: String, _ least: Int) throws {
            for (i, node) in try cluster().nodes.enumerated() {
                for strict in ["", "&strict=true", "&strict=false"] {
                    let put = try node.put("levels/\(level)-\(i)?w=\(level)\(strict)", "v")
                    let acks = try #require(Acks(put["atoll-acks"]))
                    #expect(put.status < 300 && acks.level == level && acks.reached && acks.hinted == 0)
                    #expect(acks.replicas >= least && acks.replicas <= 3 && acks.countries.count == acks.replicas)
                    let got = try node.get("levels/\(level)-\(i)?r=\(level)\(strict)")
                    let answered = try #require(Acks(got["atoll-acks"]))
                    #expect(got.status == 200 && got.text == "v" && answered.level == level && answered.reached)
                    #expect(answered.replicas >= least)
                    if level == "local" { #expect(answered.countries.contains(String(node.name.prefix(2)))) }
                    if least == 3 { #expect(acks.countries == ["de", "us", "jp"]) }
                }
            }
        }

        @Test(arguments: ["4", "16"]) func moreThanThereIsIsRefused(_ level: String) throws {
            let node = try cluster()[0]
            for answer in [try node.put("levels/x?w=\(level)", "v"), try node.get("levels/x?r=\(level)")] {
                #expect(answer.status == 400)
                #expect(answer.json["type"] as? String == "/problems/level-not-possible")
            }
            #expect(try node.get("levels/x").status == 404)
        }

        @Test(arguments: ["0", "-1", "17", "most", "", "QUORUM", "1.5", "%31%30%30"])
        func whatIsNoLevelIsMalformed(_ level: String) throws {
            let node = try cluster()[0]
            #expect(try node.put("levels/y?w=\(level)", "v").status == 400)
            #expect(try node.get("levels/y?r=\(level)").status == 400)
        }

        @Test func aLevelOfTheOtherKindIsRefused() throws {
            let node = try cluster()[0]
            #expect(try node.put("levels/z?r=1", "v").status == 400)
            #expect(try node.get("levels/z?w=1").status == 400)
        }

        @Test func theBucketsOwnLevelsHold() throws {
            let node = try cluster()[0]
            #expect(Acks(try node.put("levels/own", "v")["atoll-acks"])?.level == "quorum")
            #expect(Acks(try node.get("levels/own")["atoll-acks"])?.level == "quorum")
        }

        @Test func aClientMaySayWhereItIs() throws {
            let node = try cluster()[0]
            try node.put("levels/here?w=all", "v")
            #expect(try node.get("levels/here?r=1", ["Atoll-Location": "35.7, 139.7"]).status == 200)
            for place in ["north", "1", "1,2,3", "91,0", "0,181", "nan,nan", ""] {
                let answer = try node.get("levels/here", ["Atoll-Location": place])
                #expect(answer.status == 400, "\(place)")
            }
        }
    }
}
