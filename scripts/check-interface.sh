#!/bin/sh
# Asks a running node everything that docs/openapi.yaml describes, and much that it does not, and holds the answers against
# it: status, headers, content type, body.
#
#   scripts/check-interface.sh URL [SECONDS] [OPTION]...      60 seconds by default; options of `schemathesis run`
#
# Needs a cluster of its own: it writes, deletes, registers names and moves acceptors. Exit status 1 if something differs.
set -eu
cd "$(dirname "$0")/.."
url=$1
seconds=${2:-60}
[ $# -lt 2 ] || shift
shift
tools=$(scripts/tools.sh)
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# It leaves a database of examples where it runs.
cd "$work"
"$tools/schemathesis" --config-file "$root/scripts/schemathesis.toml" run "${ATOLL_OPENAPI:-$root/docs/openapi.yaml}" --url "$url" \
    --max-time "$seconds" --seed "${SEED:-1}" --continue-on-failure "$@"
