# The table of scripts/bench.sh, as text and as JSON, made of the columns that it has filled.

rate_of() {
    local i
    for i in "${!names[@]}"; do
        if [[ ${names[i]} == $1* && ${operations[i]} == "$2" ]]; then printf '%s' "${rates[i]}"; return; fi
    done
}
# What the bare server does of an operation; lists, and reads by two nodes, stand beside its small GETs.
bare_of() { case $1 in list | get-two) rate_of bare get ;; *) rate_of bare "$1" ;; esac; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'; }
target_of() {
    case $1 in
        "Atoll, one node, GET") echo 0.70 ;;
        "Atoll, one node, synced PUT") echo 0.40 ;;
        "Atoll, three nodes, quorum GET") echo 0.30 ;;
        "Atoll, three nodes, quorum synced PUT") echo 0.20 ;;
        "Atoll, one node, newest 20 of 100") echo 0.40 ;;
        "Atoll, one node, GET of 1 MiB") echo 0.60 ;;
        "Atoll, one node, synced PUT of 100 KB") echo 2500/s ;;
        "Atoll, three nodes, register a name") echo "2 x etcd" ;;
        *) echo - ;;
    esac
}

print_table() {
    local i bare etcd
    printf '\n%s\n%s\n\n' "$machine" "$workload"
    printf '%-48s %9s %8s %8s %8s %8s %8s %8s %8s %7s %7s\n' what req/s "to bare" target "to etcd" "p50 ms" "p99 ms" "p99.9 ms" "worst ms" errors "cpu us"
    for i in "${!names[@]}"; do
        bare=$(bare_of "${operations[i]}") etcd=$(rate_of etcd "${operations[i]}")
        printf '%-48s %9.0f %8s %8s %8s %8s %8s %8s %8s %7s %7s\n' "${names[i]}" "${rates[i]}" "$(ratio "${rates[i]}" "${bare:-0}")" \
            "$(target_of "${names[i]}")" "$(ratio "${rates[i]}" "${etcd:-0}")" "${p50s[i]}" "${p99s[i]}" "${p999s[i]}" "${worsts[i]}" \
            "${errors[i]}" "${costs[i]}"
    done
    printf '\ncpu us: processor time of all the servers together, per request\n'
    if [ $memory = 1 ]; then
        printf '\n%-46s %9s MiB, at most 80\n' "resident memory of an idle node" "$idle_mib"
        printf '%-46s %9s MiB, at most 600\n' "resident memory with 1,000,000 keys" "$loaded_mib"
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
