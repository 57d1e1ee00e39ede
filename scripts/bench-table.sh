# The table of scripts/bench.sh, as text and as JSON, made of the columns that it has filled.

rate_of() {
    local i
    for i in "${!names[@]}"; do
        if [[ ${names[i]} == $1* && ${operations[i]} == "$2" ]]; then printf '%s' "${rates[i]}"; return; fi
    done
}
# What is without Atoll: the bare server, or LevelDB alone. Lists, and reads by two nodes, stand beside small GETs.
bare_of() {
    case $1 in
        list | get-two | get-beside) rate_of bare get ;;
        sustained-*) rate_of "LevelDB alone" "$1" ;;
        *) rate_of bare "$1" ;;
    esac
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'; }
# value_of NAME FIELD: of a row: rate, ratio (to what is without Atoll), p50, p99, p999 or worst; empty if it is not there.
value_of() {
    local i
    for i in "${!names[@]}"; do
        [[ ${names[i]} = "$1" ]] || continue
        case $2 in
            rate) printf '%s' "${rates[i]}" ;;
            ratio) ratio "${rates[i]}" "$(bare_of "${operations[i]}")" ;;
            p50) printf '%s' "${p50s[i]}" ;;
            p99) printf '%s' "${p99s[i]}" ;;
            p999) printf '%s' "${p999s[i]}" ;;
            worst) printf '%s' "${worsts[i]}" ;;
        esac
        return
    done
}
# memory_of WHAT: in MiB, as it was last seen.
memory_of() { printf '%s\n' "${memories[@]}" | awk -v what="resident memory $1" 'index($0, what) == 1 { print $(NF - 1); exit }'; }
# share_of NAME OTHER FIELD: how one row's figure stands to another's.
share_of() { ratio "$(value_of "$1" "$3")" "$(value_of "$2" "$3")"; }
times() { awk -v a="$1" -v b="$2" 'BEGIN { if (a != "" && a != "-") printf "%.3f", a * b }'; }

# reach WHAT MEASURED RELATION BOUND [UNIT]: what is not there was not measured in this run, and is said so.
reach() {
    local verdict="not measured"
    if [[ $2 =~ ^[0-9.]+$ && $4 =~ ^[0-9.]+$ ]]; then
        verdict=$(awk -v a="$2" -v b="$4" -v r="$3" 'BEGIN { print (r == ">=" ? a >= b : a <= b) ? "yes" : "no" }')
    fi
    printf '%-66s %10s %s %-9s %-5s %s\n' "$1" "${2:--}" "$3" "${4:--}" "${5:-}" "$verdict"
}

# What each figure is to come to (docs/BENCHMARKS.md).
print_reached() {
    local list="Atoll, one node, newest 20 of 100" large="the same, 64 values of 1 MiB beside"
    local compared="the same, while repair compares everything" picture="Atoll, one node, synced PUT of 100 KB"
    local two="Atoll, quorum GET by two nodes of three" stalled="the same, the third stalls 50 ms of 200" by count new
    printf '\nto reach\n\n'
    for by in "" ", by wrk"; do
        reach "one node, GET, to bare$by" "$(value_of "Atoll, one node, GET$by" ratio)" ">=" 0.85
        reach "three nodes, quorum GET, to bare$by" "$(value_of "Atoll, three nodes, quorum GET$by" ratio)" ">=" 0.55
        reach "one node, synced PUT, to bare$by" "$(value_of "Atoll, one node, synced PUT$by" ratio)" ">=" 0.60
    done
    reach "three nodes, synced PUT, to bare" "$(value_of "Atoll, three nodes, quorum synced PUT" ratio)" ">=" 0.36
    reach "three nodes, synced PUT, to bare, by wrk" "$(value_of "Atoll, three nodes, synced PUT, by wrk" ratio)" ">=" 0.36
    reach "quorum increment, to synced PUT" \
        "$(share_of "Atoll, three nodes, quorum increment" "Atoll, three nodes, quorum synced PUT" rate)" ">=" 0.80
    reach "inserts into 64 KB of text" "$(value_of "Atoll, three nodes, insert into 64 KB of text" rate)" ">=" 10000 /s
    reach "additions to a set of 10,000" "$(value_of "Atoll, three nodes, add to a set of 10,000" rate)" ">=" 10000 /s
    reach "a write to its event, p99" "$(value_of "Atoll, three nodes, a write to its event" p99)" "<=" 20 ms
    reach "$subscribers subscribers, 10 writes/s: all have the last" "$subscribers_had_ms" "<=" 1000 ms
    reach "$subscribers subscribers, memory of their node" "$(memory_of "after $subscribers subscribers")" "<=" 150 MiB
    reach "requests beside, p99 at 10 writes/s to 1" "$(share_of "quorum GET at 500/s, beside 10 writes/s so watched" \
        "quorum GET at 500/s, beside 1 writes/s so watched" p99)" "<=" 1.20
    reach "site, a post, p99 at 100/s" "$(value_of "site, a post, 100/s" p99)" "<=" 30 ms
    reach "site, page of all posts" "$(value_of "site, page of all posts" rate)" ">=" 2000 /s
    reach "site, pointers to inboxes" "$(value_of "site, posts to inboxes of $followers followers, pointers" rate)" ">=" 15000 /s
    reach "site, pages beside posts, p99: to $followers, to 1" \
        "$(share_of "the same beside posts to $followers followers" "the same beside posts to 1 follower" p99)" "<=" 2.00
    reach "site, inbox of 30 as JSON, p99 at 200/s" "$(value_of "site, inbox of 30 as JSON, 200/s" p99)" "<=" 15 ms
    reach "site, inbox of 30 as a page, p99 at 200/s" "$(value_of "site, inbox of 30 as a page, 200/s" p99)" "<=" 25 ms
    reach "newest 20 of 100, to bare GET" "$(value_of "$list" ratio)" ">=" 0.40
    reach "newest 20 of 100, p99" "$(value_of "$list" p99)" "<=" 5 ms
    reach "with values of 1 MiB beside, to without" "$(share_of "$large" "$list" rate)" ">=" 0.90
    reach "with values of 1 MiB beside, p99 to without" "$(share_of "$large" "$list" p99)" "<=" 1.10
    reach "while repair compares everything, p99" "$(value_of "$compared" p99)" "<=" "$(times "$(value_of "$list" p99)" 2)" ms
    reach "GET of 1 MiB, to bare" "$(value_of "Atoll, one node, GET of 1 MiB" ratio)" ">=" 0.60
    reach "synced PUT of 100 KB, 16 connections" "$(times "$(value_of "$picture" rate)" 0.1)" ">=" 250 MB/s
    reach "synced PUT of 100 KB, p99" "$(value_of "$picture" p99)" "<=" 40 ms
    reach "synced PUT of 100 KB, worst" "$(value_of "$picture" worst)" "<=" 120 ms
    for count in $new_keys 5000000; do
        new="Atoll, one node, $count new keys of 1,000 B"
        reach "$count new keys of 1,000 B, to LevelDB alone" "$(value_of "$new" ratio)" ">=" 0.45
        reach "$count new keys of 1,000 B, p99.9" "$(value_of "$new" p999)" "<=" 15 ms
        reach "$count new keys of 1,000 B, worst" "$(value_of "$new" worst)" "<=" 150 ms
    done
    reach "reads by two nodes while the third stalls, p99 to without" "$(share_of "$stalled" "$two" p99)" "<=" 1.50
    reach "memory of an idle node" "$idle_mib" "<=" 60 MiB
    reach "memory with 1,000,000 keys of 100 bytes" "$loaded_mib" "<=" 200 MiB
    reach "memory with 600,000 new keys of 1,000 bytes" "$(memory_of "after 600000 new keys")" "<=" 250 MiB
    reach "registrations, three nodes, to etcd" "$(ratio "$(rate_of Atoll register)" "$(rate_of etcd register)")" ">=" 2
}

print_table() {
    local i bare etcd
    printf '\n%s\n%s\n\n' "$machine" "$workload"
    printf '%-48s %9s %8s %8s %8s %8s %8s %8s %7s %7s\n' what req/s "to bare" "to etcd" "p50 ms" "p99 ms" "p99.9 ms" "worst ms" errors "cpu us"
    for i in "${!names[@]}"; do
        bare=$(bare_of "${operations[i]}") etcd=$(rate_of etcd "${operations[i]}")
        printf '%-48s %9.0f %8s %8s %8s %8s %8s %8s %7s %7s\n' "${names[i]}" "${rates[i]}" "$(ratio "${rates[i]}" "${bare:-0}")" \
            "$(ratio "${rates[i]}" "${etcd:-0}")" "${p50s[i]}" "${p99s[i]}" "${p999s[i]}" "${worsts[i]}" \
            "${errors[i]}" "${costs[i]}"
    done
    printf '\nto bare: of new keys, to LevelDB alone; cpu us: processor time of all the servers together, per request\n'
    if [ $memory = 1 ]; then
        printf '\n%-46s %9s MiB\n' "resident memory of an idle node" "$idle_mib"
        printf '%-46s %9s MiB\n' "resident memory with 1,000,000 keys" "$loaded_mib"
    fi
    for i in "${memories[@]}"; do printf '%s\n' "$i"; done
    if [ -f "$work/ring.txt" ]; then printf '\n%s\n' "$(cat "$work/ring.txt")"; fi
    for i in "${notes[@]}"; do printf '\n%s\n' "$i"; done
}

number_or_null() { if [[ $1 =~ ^[0-9.]+$ ]]; then printf '%s' "$1"; else printf null; fi; }
print_json() {
    local i comma=""
    printf '{\n  "date": "%s",\n  "machine": "%s",\n  "connections": %d,\n  "keys": %d,\n  "value_bytes": %d,\n  "rounds": %d,\n  "seconds": %d,\n' \
        "$(date -u +%FT%TZ)" "$machine" $connections $keys $value_bytes $rounds $seconds
    printf '  "idle_mib": %s,\n  "million_keys_mib": %s,\n  "rows": [' "$(number_or_null "$idle_mib")" "$(number_or_null "$loaded_mib")"
    for i in "${!names[@]}"; do
        printf '%s\n    {"what": "%s", "operation": "%s", "requests_per_second": %s, "to_bare": %s, "p50_ms": %s, "p99_ms": %s, "p99_9_ms": %s, "worst_ms": %s, "errors": %s, "cpu_us": %s}' \
            "$comma" "${names[i]}" "${operations[i]}" "${rates[i]}" \
            "$(number_or_null "$(ratio "${rates[i]}" "$(bare_of "${operations[i]}")")")" \
            "$(number_or_null "${p50s[i]}")" "$(number_or_null "${p99s[i]}")" "$(number_or_null "${p999s[i]}")" \
            "$(number_or_null "${worsts[i]}")" "${errors[i]}" "$(number_or_null "${costs[i]}")"
        comma=,
    done
    printf '\n  ]\n}\n'
}
