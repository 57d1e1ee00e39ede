#!/usr/bin/env bash
# Kills nodes of a running cluster again and again, under load, and checks what is promised:
#
#   - no request fails but those sent to the node that was killed
#   - no acknowledged write is lost: every node reads back what was acknowledged last
#   - the three replicas become the same again, without anyone's help, and no hint is left
#   - of 100,000 links, posted at the nodes' sites, each is good at another node at once; of 200 who register one name one gets it
#
#   scripts/soak.sh [ROUNDS]      10 by default; also as the variable ROUNDS
#
# Takes ports 17471-17473 and 17571-17573 and a directory of its own. Ends only the processes that it started.
# The last line says what came of it. Exit status: 0 all was kept, 1 something was broken, 2 it could not be tried.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-${ROUNDS:-10}}
keys=400 # written by each of three writers in each round
healing=60
atoll=$PWD/atoll
nodes=(de-fra-1 us-iad-1 jp-tyo-1)
ports=(17471 17472 17473)

case $rounds in '' | *[!0-9]* | 0) echo "usage: scripts/soak.sh [ROUNDS]" >&2; exit 2 ;; esac
[ -x "$atoll" ] || { echo "soak: there is no ./atoll; run \`make build\`" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/atoll-soak.XXXXXX")
cluster_pid= bench_pid= problems=0
say() { printf 'soak: %s\n' "$*"; }
broken() { problems=$((problems + 1)); say "BROKEN: $*"; }

clean_up() {
    [ -z "$bench_pid" ] || kill "$bench_pid" 2>/dev/null || true
    if [ -n "$cluster_pid" ]; then
        kill "$cluster_pid" 2>/dev/null || true
        wait "$cluster_pid" 2>/dev/null || true
    fi
    if [ "$problems" -eq 0 ]; then rm -rf "$work"; else say "logs and data are kept in $work"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# MARK: The cluster

write_ring() {
    printf 'cluster = "soak"\npartitions = 64\n\n[placement.world]\nrule = "any:3"\nmin_countries = 3\nsurvive = "country"\n'
    for country in de us jp; do printf '\n[country.%s]\n' "$country"; done
    for i in 0 1 2; do
        printf '\n[[node]]\nid = "%s"\ncountry = "%s"\npeer = "127.0.0.1:%d"\nhttp = "127.0.0.1:%d"\ncapacity = "1TB"\n' \
            "${nodes[$i]}" "${nodes[$i]%%-*}" $((ports[i] + 100)) "${ports[$i]}"
    done
}

url() { printf 'http://127.0.0.1:%s' "${ports[$1]}"; }

# The process of a node, from the log of `atoll up`.
pid_of() { sed -n "s/^\[${nodes[$1]}\] process //p" "$work/up.log" | tail -n 1; }

wait_until() { # SECONDS WHAT COMMAND…
    local seconds=$1 what=$2 end
    shift 2
    end=$(($(date +%s) + seconds))
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || { broken "$what, after $seconds s"; return 1; }
        sleep 0.2
    done
}

is_ready() { curl -s -o "$work/ready" -w '%{http_code}' "$(url "$1")/readyz" | grep -q 200 && grep -q '3 of 3' "$work/ready"; }
all_ready() { is_ready 0 && is_ready 1 && is_ready 2; }
metric() { curl -s "$(url "$1")/metrics" | awk -v name="$2" '$1 == name { print int($2) }'; }
no_hints() { [ "$(metric 0 atoll_hints)/$(metric 1 atoll_hints)/$(metric 2 atoll_hints)" = 0/0/0 ]; }

# MARK: Load and checks

# Writes this round's keys through one node and leaves a line "status key" for each in $work/wrote.NODE.
write_keys() { # NODE ROUND
    local i
    for ((i = 0; i < keys; i++)); do
        # A third of the keys is written in every round, so that updates race with the kill as well.
        local key="w$1-$((i % 3 == 0 ? i : i + $2 * keys))"
        printf 'next\nsilent\nrequest = PUT\nmax-time = 10\nurl = "%s/v1/kv/soak/%s"\ndata = "round %d"\n' "$(url "$1")" "$key" "$2"
        printf 'output = /dev/null\nwrite-out = "%%{http_code} %s\\n"\n' "$key"
    done | sed 1d >"$work/config.$1"
    curl -K "$work/config.$1" >"$work/wrote.$1" 2>/dev/null || true
}

# Every key of $work/expected through one node: "key status context body".
read_keys() { # PATH NODE
    local key
    while read -r key _; do
        printf 'next\nsilent\nmax-time = 10\nurl = "%s/v1/%s/soak/%s"\n' "$(url "$2")" "$1" "$key"
        printf 'write-out = " %s %%{http_code} %%header{atoll-context}\\n"\n' "$key"
    done <"$work/expected" | sed 1d >"$work/config.read.$2"
    # The body comes first, and no value of ours holds a line end.
    curl -K "$work/config.read.$2" 2>/dev/null | awk '{ n = NF; print $(n - 2), $(n - 1), $n, $0 }' | sort
}

# Notes what was acknowledged; a write that was not may have taken effect all the same, so its key may hold either.
note_writes() { # ROUND
    cat "$work"/wrote.? | awk -v round="$1" '
        $1 == 201 || $1 == 204 { print $2, "must", round; next }
        { print $2, "may", round }' >>"$work/ledger"
    # For each key the last round that must be there, and the later ones that may.
    awk '$2 == "must" { must[$1] = $3; may[$1] = "" } $2 == "may" { may[$1] = may[$1] "," $3 }
        END { for (key in must) print key, must[key] may[key] }' "$work/ledger" | sort >"$work/expected"
}

check_reads() {
    local lost
    read_keys kv "$1" >"$work/read.$1"
    lost=$(awk 'NR == FNR { split($2, rounds, ","); for (i in rounds) ok[$1 " " rounds[i]] = 1; want[$1] = $2; next }
        { if ($2 != 200 || !(($1 " " $5) in ok)) print $1, "wanted round", want[$1] ", read", $2, $4, $5 }' \
        "$work/expected" "$work/read.$1")
    [ -z "$lost" ] || broken "acknowledged writes lost, read through ${nodes[$1]}: $(wc -l <<<"$lost"), such as $(head -n 1 <<<"$lost")"
}

replicas_agree() {
    local i
    for i in 0 1 2; do read_keys replica "$i" >"$work/replica.$i"; done
    cmp -s "$work/replica.0" "$work/replica.1" && cmp -s "$work/replica.0" "$work/replica.2"
}

# MARK: Rounds

write_ring >"$work/ring.toml"
for port in "${ports[@]}"; do
    if curl -s -o /dev/null "http://127.0.0.1:$port/healthz"; then
        say "something answers on port $port already" >&2
        exit 2
    fi
done
say "starting three nodes, log in $work/up.log"
"$atoll" up "$work/ring.toml" --data "$work/data" >"$work/up.log" 2>&1 &
cluster_pid=$!
if ! wait_until 60 "the cluster did not come up" all_ready; then exit 2; fi

for ((round = 1; round <= rounds; round++)); do
    victim=$((RANDOM % 3))
    others=()
    for i in 0 1 2; do [ "$i" = "$victim" ] || others+=("$i"); done
    "$atoll" bench --url "$(url "${others[0]}")" --url "$(url "${others[1]}")" --workload a --connections 16 --rate 300 \
        --duration 12 --warm-up 0 --keys 2000 --load --distribution zipfian --json >"$work/bench.json" 2>"$work/bench.log" &
    bench_pid=$!
    writers=()
    for i in 0 1 2; do write_keys "$i" "$round" & writers+=($!); done
    sleep "0.$((RANDOM % 9 + 1))"
    kill -9 "$(pid_of "$victim")"
    wait "${writers[@]}"
    wait "$bench_pid" || broken "atoll bench: $(tail -n 1 "$work/bench.log")"
    bench_pid=
    note_writes "$round"

    for i in "${others[@]}"; do
        failed=$(awk '$1 != 201 && $1 != 204' "$work/wrote.$i")
        [ -z "$failed" ] || broken "$(wc -l <<<"$failed") writes failed on ${nodes[$i]}, such as $(head -n 1 <<<"$failed")"
    done
    errors=$(sed -n 's/.*"errors" *: *\([0-9]*\).*/\1/p' "$work/bench.json" | sort -n | tail -n 1)
    [ "${errors:-0}" -eq 0 ] || broken "$errors requests of atoll bench failed on the nodes that lived"

    begin=$(date +%s)
    wait_until "$healing" "${nodes[$victim]} did not come back" all_ready || break
    wait_until "$healing" "hints are left" no_hints || true
    wait_until "$healing" "replicas differ: $(diff "$work/replica.0" "$work/replica.1" 2>/dev/null | head -n 2 | tail -n 1)" \
        replicas_agree || true
    for i in 0 1 2; do check_reads "$i"; done
    say "round $round of $rounds: killed ${nodes[$victim]}; $(wc -l <"$work/expected") keys checked on three nodes, the same after $(($(date +%s) - begin)) s"
done

kill "$cluster_pid" && wait "$cluster_pid" || true
cluster_pid=
say "posting 100,000 links while nodes are killed; what the tests say is in .build/test.log"
begin=$(date +%s)
if ATOLL_SOAK=1 ATOLL_BINARY=$atoll scripts/test.sh 'SitesTests/(aLink|ofMany)' >"$work/links.log" 2>&1; then
    say "100,000 links were good at once, after $(($(date +%s) - begin)) s"
else
    broken "links: $(grep -m 1 '✘' "$work/links.log" || tail -n 1 "$work/links.log")"
fi

if [ "$problems" -eq 0 ]; then
    say "$rounds rounds, nothing lost, nothing left apart"
else
    say "$problems promises were broken"
    exit 1
fi
