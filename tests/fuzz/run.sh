#!/usr/bin/env bash
# Runs each fuzz target: run.sh [SECONDS] [TARGET...]. SECONDS each (default 600), one at a time; then the corpus that is
# kept in the repository is minimised. Needs the preset `fuzz`, which it builds. Ends with status 1 when there is a finding.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
repo=$(cd -- "$here/../.." && pwd -P)
build=${ARGOS_FUZZ_BUILD:-$repo/build/fuzz}
seconds=${1:-600}
shift || true
targets=("$@")
((${#targets[@]})) || targets=(head chunk_reader query configuration upload image fields cache_key cache_page)
[[ $seconds =~ ^[0-9]+$ ]] || {
    echo "usage: run.sh [SECONDS] [TARGET...]" >&2
    exit 2
}

programs=("${targets[@]/%/_fuzz}")
if [[ -z ${ARGOS_FUZZ_BUILD:-} ]]; then
    (cd -- "$repo" && cmake --preset fuzz >/dev/null && cmake --build --preset fuzz --target "${programs[@]}")
fi

failed=0
for target in "${targets[@]}"; do
    work=$build/fuzz-work/$target
    mkdir -p -- "$work/found" "$work/artifacts" "$here/corpus/$target"
    dictionary=()
    [[ ! -f $here/$target.dict ]] || dictionary=("-dict=$here/$target.dict")
    echo "== $target: $seconds s"
    if ! "$build/bin/${target}_fuzz" "-max_total_time=$seconds" -max_len=9000 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        "-artifact_prefix=$work/artifacts/" ${dictionary[@]+"${dictionary[@]}"} "$work/found" "$here/corpus/$target" >"$work/log" 2>&1; then
        echo "FINDING in $target; its input is in $work/artifacts" >&2
        failed=1
    fi
    grep -E '^stat::(number_of_executed_units|average_exec)|^(==|SUMMARY|does not hold)' "$work/log" || tail -n 5 "$work/log"
    # Keep the smallest set of small inputs that reaches the same code; below 100 KB, at the price of the longest ones.
    for longest in 1500 700 400 250 150; do
        rm -rf -- "$work/minimal" && mkdir -p -- "$work/minimal"
        "$build/bin/${target}_fuzz" -merge=1 "-max_len=$longest" "$work/minimal" "$here/corpus/$target" "$work/found" >"$work/merge.log" 2>&1 || {
            echo "FINDING while $target was minimised" >&2
            failed=1
            continue 2
        }
        size=$(find "$work/minimal" -type f -printf '%s\n' | awk '{n += $1} END {print n + 0}')
        ((size >= 100000)) || break
    done
    rm -rf -- "$here/corpus/$target" && cp -r -- "$work/minimal" "$here/corpus/$target"
    echo "$(find "$here/corpus/$target" -type f | wc -l) inputs kept, $size bytes"
done
exit "$failed"
