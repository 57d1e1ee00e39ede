#!/bin/sh
# Checks the format of all Swift sources (or, with `--fix`, puts it right). Generated code is left alone.
set -eu
cd "$(dirname "$0")/.."

roots="Sources Tests"
if [ -d Benchmarks ]; then roots="$roots Benchmarks"; fi

sources() {
    # shellcheck disable=SC2086
    find $roots -name .build -prune -o -name Generated -prune -o -type f -name '*.swift' -print0
}

if [ "${1:-}" = --fix ]; then
    sources | xargs -0 swift format format --in-place --parallel
    sources | xargs -0 scripts/wrap-comments.pl
    echo "lint: formatted"
elif sources | xargs -0 swift format lint --strict --parallel; then
    echo "lint: $(sources | tr -cd '\0' | wc -c) files, nothing to say"
else
    echo "lint: \`make format\` puts most of this right" >&2
    exit 1
fi
