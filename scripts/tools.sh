#!/bin/sh
# Installs the Python tools that tests use, in the versions of tools.txt, under .build/tools, and prints the directory of
# their commands. Where they are there already it asks nothing of the network.
#
#   scripts/tools.sh
set -eu
cd "$(dirname "$0")/.."

tools=.build/tools
mkdir -p .build
# Several tests may ask at the same moment; one installs, the others wait.
exec 9>.build/tools.lock
flock 9
if ! cmp -s scripts/tools.txt "$tools/installed.txt" || ! "$tools/bin/python" -c '' 2>/dev/null; then
    echo "tools: installing the Python tools of scripts/tools.txt into $tools" >&2
    rm -rf "$tools"
    python3 -m venv "$tools" >&2
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r scripts/tools.txt >&2
    cp scripts/tools.txt "$tools/installed.txt"
fi
echo "$PWD/$tools/bin"
