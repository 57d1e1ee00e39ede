// Limits of the threads that do the social layer's slow work: passwords and Markdown.

extension Limits {
    // MARK: Passwords

    /// What scrypt costs (RFC 7914), as OWASP asks of 32 MiB: N = 2¹⁵, r = 8, p = 3, a quarter of a second. More memory
    /// would take the node's own.
    public static let scryptLogN = 15
    public static let scryptBlock = 8
    public static let scryptLanes = 3
    /// What a stored hash may ask for: 128 MiB (128 · N · r bytes), and four times the time.
    public static let scryptLargestLogN = 17
    public static let scryptLargestBlock = 8
    public static let scryptLargestLanes = 4
    /// A digest of 256 bits, and a salt of at least 128.
    public static let scryptHashBytes = 32
    public static let scryptSaltBytes = 16
    /// A PHC string that is read: twice what is written.
    public static let phcBytes = 256
    /// Of a longer one nothing is hashed: 256 characters of at most four bytes.
    public static let passwordBytes = 1_024
    /// Passwords that wait for the one thread that hashes: eight seconds of its work. Who would wait longer tries
    /// again.
    public static let passwordsWaiting = 32

    // MARK: Markdown

    /// A long book's chapter; longer texts are shown as they are.
    public static let markdownBytes = 256 << 10
    /// What libcmark may take for it. Honest texts take fifty times their size at most.
    public static let markdownMemoryBytes = 32 << 20
    /// `![` in one text: libcmark goes through all of them at each link, and 40,000 would take a minute.
    public static let markdownImages = 2_000
    /// Elements in each other: browsers lay deeper ones out in more than linear time.
    public static let markdownDepth = 48
    /// Texts that wait to be made HTML, and their bytes: a second's work.
    public static let rendersWaiting = 128
    public static let renderBytesWaiting = 8 << 20
}
