#!/bin/sh
# Plays, at length and with the optimised build, what happens to three countries with oceans between them, and prints what was
# measured beside what it is to reach (docs/BENCHMARKS.md). Takes some minutes.
#
#   scripts/wan.sh
#
# The table and a picture of latency through a cut are left in .build/wan. Exit status: that of the tests.
set -eu
cd "$(dirname "$0")/.."

directory=$PWD/.build/wan
rm -rf "$directory"
mkdir -p "$directory"
status=0
ATOLL_BINARY=$PWD/.build/release/atoll ATOLL_WAN=$directory scripts/test.sh FarNetworkTests || status=$?
if [ -e "$directory/table.txt" ]; then
    cat "$directory/table.txt"
else
    echo "wan: nothing was measured; .build/test.log says why"
fi
[ ! -e "$directory/latency.svg" ] || echo "wan: latency through a cut and its heal: $directory/latency.svg"
exit "$status"
