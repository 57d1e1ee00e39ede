// What a Markdown text says without its marks, for summaries: nothing is rendered there, and asterisks are no words.
// Guessed line by line, not parsed; a mark that may be a word stays.

enum PlainWords {
    static func of(markdown text: String) -> String {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { withoutSpans(Array(withoutBlocks($0))) }.joined(separator: "\n")
    }

    /// Without what makes a line a quote, a heading or an item; nothing of a fence or a rule.
    private static func withoutBlocks(_ line: Substring) -> Substring {
        var rest = line.drop(while: \.isWhitespace)
        while let first = rest.first {
            let marks = rest.prefix { $0 == first }
            let behind = rest.dropFirst(marks.count)
            switch first {
            case ">": rest = behind.drop(while: \.isWhitespace)
            case "#" where marks.count <= 6 && behind.first?.isWhitespace ?? true:
                return behind.drop(while: \.isWhitespace)
            case "-", "*", "+", "=":
                if behind.allSatisfy(\.isWhitespace) { return "" }
                guard marks.count == 1, first != "=", behind.first?.isWhitespace == true else { return rest }
                rest = behind.drop(while: \.isWhitespace)
            case "`" where marks.count >= 3, "~" where marks.count >= 3: return ""
            default: return rest
            }
        }
        return rest
    }

    /// Without marks of emphasis and code; of links and images what they say.
    private static func withoutSpans(_ line: [Character]) -> String {
        let lastLink = line.indices.last { $0 > 0 && line[$0] == "(" && line[$0 - 1] == "]" } ?? 0
        var words = ""
        var place = 0
        while place < line.count {
            let character = line[place]
            let before = place > 0 ? line[place - 1] : " "
            let behind = place + 1 < line.count ? line[place + 1] : " "
            place += 1
            switch character {
            case "\\" where behind.isPunctuation || behind.isSymbol:
                words.append(behind)
                place += 1
            case "`": continue
            case "*" where !before.isWhitespace || !behind.isWhitespace: continue
            case "_" where isEdge(before) != isEdge(behind) || before == "_" || behind == "_": continue
            case "!" where behind == "[" && place < lastLink: continue
            case "[" where place < lastLink: continue
            case "]" where behind == "(" && place <= lastLink:
                place = end(ofAddressAt: place, in: line)
            default: words.append(character)
            }
        }
        return words
    }

    /// Behind its closing parenthesis; an address may have some of its own, in pairs.
    private static func end(ofAddressAt start: Int, in line: [Character]) -> Int {
        var open = 0
        for place in start..<line.count {
            if line[place] == "(" { open += 1 }
            if line[place] == ")" { open -= 1 }
            if open == 0 { return place + 1 }
        }
        return line.count
    }

    private static func isEdge(_ character: Character) -> Bool { !character.isLetter && !character.isNumber }
}
