// What became of our own proposals, judged by the value found. Each generation of a register has exactly one author,
// and the value names it, so the generation next to a proposal's base tells whether the proposal was it.

extension Proposal {
    enum Settlement: Equatable {
        /// The operation's answer if `value` is, or is made, chosen.
        case answer(NameAnswer)
        case change(RegisterValue, NameAnswer)
        /// A proposal of ours may or may not be among the ancestors of the value found.
        case undecidable
    }

    /// Judges `value`, from a quorum of promises or known to be chosen.
    func settle(_ value: RegisterValue) -> Settlement {
        for sent in sent {
            if value.generation == sent.base + 1, value.lastOperation == operation.id(base: sent.base, key: key) {
                return .answer(success(of: value))
            }
            if value.generation > sent.base + 1, mayDescend(value, from: sent) { return .undecidable }
        }
        switch operation.apply(to: value, of: key, founding: quorums.configuration) {
        case .keep(let answer): return .answer(answer)
        case .change(let next, let answer): return .change(next, answer)
        }
    }

    private func mayDescend(_ value: RegisterValue, from sent: Sent) -> Bool {
        // The first generation's author stays on record.
        sent.base > 0 || value.firstOperation == operation.id(base: 0, key: key)
    }

    /// The answer to an operation whose own change `value` is.
    private func success(of value: RegisterValue) -> NameAnswer {
        switch (operation, value.body) {
        case (.name(.register), _): .registered(generation: value.generation)
        case (.name(.release), _): .released(generation: value.generation)
        case (.name(.transfer), _): .transferred(generation: value.generation)
        case (_, .configuration(let state)): .configuration(state)
        default: .pinned
        }
    }
}
