#!/bin/sh
# Builds everything with its tests, runs them, and ends with the test runner's closing line.
#
#   scripts/test.sh [FILTER]    FILTER: a regular expression over test names, as in `swift test --filter`
#
# The whole output is kept in .build/test.log. Exit status: that of the build or of the tests.
set -eu
cd "$(dirname "$0")/.."

log=.build/test.log
mkdir -p .build
closing_line() { grep -E 'Test run with .* (passed|failed) after' "$log" | tail -n 1; }

echo "==> building the tests (a first build takes some minutes)"
swift build --build-tests

echo "==> running the tests"
# A pipe would hide the status of `swift test`; sh has no pipefail.
status_file=$(mktemp)
trap 'rm -f "$status_file"' EXIT
{
    status=0
    swift test --skip-build --disable-xctest ${1:+--filter "$1"} 2>&1 || status=$?
    echo "$status" >"$status_file"
} | tee "$log"
status=$(cat "$status_file")

if [ "$status" -ne 0 ]; then
    echo "==> what failed:"
    grep -E '^✘|error: ' "$log" | head -n 100 || true
fi
echo "==> $(closing_line || echo "the tests ended without a closing line, status $status")"
exit "$status"
