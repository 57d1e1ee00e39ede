// The passwords that are tried first: what is on everybody's list, and what a few rules make of it. Not a long list:
// whoever tries by the million meets scrypt and the rates of logins.

enum CommonPasswords {
    private static let words: Set<String> = [
        "password", "passw0rd", "p@ssw0rd", "p@ssword", "passwort", "contraseña", "motdepasse", "senha", "parola",
        "qwerty", "qwertz", "azerty", "qwertyuiop", "asdfghjkl", "asdfasdf", "zxcvbnm", "1q2w3e4r", "1q2w3e4r5t",
        "1qaz2wsx", "qazwsx", "qazwsxedc", "zaq12wsx", "q1w2e3r4", "iloveyou", "sunshine", "princess", "football",
        "baseball", "basketball", "welcome", "superman", "batman", "trustno1", "starwars", "whatever", "letmein",
        "dragon", "monkey", "master", "shadow", "michael", "jennifer", "computer", "internet", "jordan", "charlie",
        "freedom", "samsung", "liverpool", "chelsea", "arsenal", "pokemon", "minecraft", "changeme", "secret", "admin",
        "administrator", "root", "toor", "guest", "default", "login", "access", "abcd", "abcdef", "abcdefg", "abc",
        "test", "testing", "hello", "helloworld", "summer", "winter", "spring", "autumn", "january", "february",
        "march", "april", "june", "july", "august", "september", "october", "november", "december", "monday", "sunday",
        "correcthorsebatterystaple", "atoll", "islands",
    ]

    /// - Parameter text: in lower case.
    static func has(_ text: String) -> Bool {
        // One character again and again, or each the next of the one before.
        let scalars = text.unicodeScalars.map { Int($0.value) }
        let steps = Set(zip(scalars, scalars.dropFirst()).map { $1 - $0 })
        if steps.count <= 1, steps.allSatisfy({ abs($0) <= 1 }) { return true }
        // Digits in their order, from one or from zero, as far as they are on a keyboard.
        if "0123456789012345678901234567890".contains(text) || "1234567890123456789012345678901234567890".contains(text)
        {
            return true
        }
        // A word with digits and marks before or behind it, or said twice.
        let isFiller = { (c: Character) in !c.isLetter }
        var core = text[...]
        while let last = core.last, isFiller(last) { core = core.dropLast() }
        while let first = core.first, isFiller(first) { core = core.dropFirst() }
        let half = core.prefix(core.count / 2)
        return words.contains(text) || words.contains(String(core)) || core.isEmpty && text.count < 10
            || (core.count % 2 == 0 && half == core.suffix(core.count / 2) && words.contains(String(half)))
    }
}
