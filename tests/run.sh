#!/usr/bin/env bash
# Installs what is missing, builds, runs every test there is and closes with one line: N passed, N failed. See --help.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source-path=SCRIPTDIR
{
    source "$here/../deploy/lib/common.sh"
    source "$here/../deploy/lib/packages.sh"
    source "$here/../deploy/lib/build.sh"
    source "$here/lib/sanitizers.sh"
}

usage() {
    cat <<'TEXT'
Usage: tests/run.sh [--quick] [PATTERN]

  --quick   leave out the AddressSanitizer and ThreadSanitizer builds and the replay of the fuzz corpora
  PATTERN   only units whose name matches this extended regular expression; names are such as
            release/http_test, tests/integration/test_wire_cases.py, asan/http_test, fuzz/head

The last line is "N passed, N failed"; the exit status is 0 only when something passed and nothing failed.
A skipped case is a failed one unless ARGOS_ALLOW_SKIPS=1. ARGOS_JOBS sets the number of compilers at a time.
TEXT
}

quick=no pattern=''
while (($#)); do
    case $1 in
        --quick) quick=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*)
            complain "unknown option $1."
            usage >&2
            exit 2
            ;;
        *) pattern=$1 ;;
    esac
    shift
done

readonly PYTHON=/usr/bin/python3 # Debian's, which has requests and httpx; another python3 on PATH may not
OUT=$ARGOS_WORK/tests
RESULTS=$OUT/results.tsv
broken=0 # failures that have no line in the results

# Whatever happens, the last line says how it went.
finish() {
    local status=$? passed=0 failed=0
    trap - EXIT
    [[ -z $SANITIZER_REPORTS ]] || rm -rf -- "$SANITIZER_REPORTS"
    [[ ! -f $RESULTS ]] || read -r passed failed < <(awk -F '\t' '{p += $2; f += $3} END {print p + 0, f + 0}' "$RESULTS")
    failed=$((failed + broken))
    ((status == 0 || failed > 0)) || failed=1
    if ((failed)) && [[ -f $RESULTS ]]; then
        awk -F '\t' '$3 > 0 {print "    " $1 ": " $3 " failed"}' "$RESULTS" >&2
    fi
    note "$SECONDS s in all; logs are in $OUT"
    printf '%d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0 && passed > 0)) || exit 1
    exit 0
}

selected() { [[ -z $pattern || $1 =~ $pattern ]]; }
record() { printf '%s\t%d\t%d\t0\n' "$1" "$2" "$3" >>"$RESULTS"; }
log_name() { printf '%s/%s.log' "$OUT" "${1//\//-}"; }

# bounded SECONDS COMMAND...: in a process group of its own that ends as a whole, also when this script is interrupted.
running=''
bounded() {
    local status=0
    # A background command begins with SIGINT ignored, and what it starts would inherit that.
    env --default-signal=INT,QUIT timeout -k 20 "$@" </dev/null {screen_out}>&- {screen_err}>&- &
    running=$!
    wait "$running" || status=$?
    running=''
    return "$status"
}

# The signal may have come while a function's output went to a log.
exec {screen_out}>&1 {screen_err}>&2
interrupted() {
    trap - INT TERM
    exec 1>&"$screen_out"
    exec 2>&"$screen_err"
    if [[ -n $running ]]; then
        kill -TERM "$running" 2>/dev/null || true
        wait "$running" || true
    fi
    complain 'interrupted.'
    exit 130
}

# gtest_program UNIT PROGRAM
gtest_program() {
    local lines
    step "$1"
    lines=$(wc -l <"$RESULTS")
    bounded 960 "$PYTHON" "$here/lib/run_gtest.py" "$2" "$1" "$RESULTS" "$(log_name "$1")" 900 || true
    (($(wc -l <"$RESULTS") > lines)) || record "$1" 0 1
}

# python_file UNIT FILE
python_file() {
    local log status=0 lines
    step "$1"
    log=$(log_name "$1")
    lines=$(wc -l <"$RESULTS")
    bounded 1500 "$PYTHON" -X utf8 "$here/lib/run_unittests.py" "$2" "$1" "$RESULTS" >"$log" 2>&1 || status=$?
    if (($(wc -l <"$RESULTS") == lines)); then
        tail -n 40 -- "$log"
        printf '  FAILED %s\n         it ended with status %d before it could be counted (124: it took too long)\n' "$1" "$status"
        record "$1" "$(grep -cE '^  .* done \(' "$log" || true)" 1
        return
    fi
    awk '/^  FAILED / {on = 1} on {print} {last = $0} END {if (!on) print last}' "$log"
}

unit_tests() {
    local preset=$1 program unit found=0
    for program in "$ARGOS_REPO/build/$preset"/bin/*_test; do
        [[ -x $program ]] || continue
        found=1
        unit=$preset/${program##*/}
        selected "$unit" || continue
        gtest_program "$unit" "$program"
        if [[ $preset != release ]] && ! sanitizer_reports "$preset"; then record "$unit (sanitizer report)" 0 1; fi
    done
    if ((found == 0)); then
        complain "build/$preset/bin holds no *_test program."
        broken=$((broken + 1))
    fi
}

python_tests() {
    local file
    for file in "$here"/*/test_*.py; do
        [[ -f $file ]] || continue
        selected "${file#"$ARGOS_REPO"/}" && python_file "${file#"$ARGOS_REPO"/}" "$file"
    done
    return 0
}

node_modules() {
    local folder=$here/integration/node log=$OUT/npm.log
    [[ -f $folder/package-lock.json ]] || return 0
    [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]] && return 0
    step 'Fetching the JavaScript clients (npm ci)'
    (cd "$folder" && npm ci --prefer-offline --no-audit --no-fund) >"$log" 2>&1 && return 0
    log_says_full "$log" && die 'npm ci failed because the disk is full.'
    die "npm ci failed: $(sed -nE 's/^npm (ERR!|error) //p' "$log" | grep -vE '^(code|errno) ' | head -n 1 | grep . || printf 'see %s' "$log")."
}

# The fuzz targets' inputs once more, without a fuzzer: each file of a corpus is a case.
replay_corpora() {
    local program name
    for program in "$ARGOS_REPO"/build/asan/bin/*_replay; do
        [[ -x $program ]] || continue
        name=${program##*/}
        name=${name%_replay}
        selected "fuzz/$name" || continue
        step "fuzz/$name"
        replay_corpus "$program" "$name"
    done
}

# replay_corpus PROGRAM NAME: all files in one process; one by one only to find out which of them fail.
replay_corpus() {
    local program=$1 name=$2 input log passed=0 failed=0
    local -a inputs
    log=$(log_name "fuzz/$name")
    mapfile -t inputs < <(find "$here/fuzz/corpus/$name" -type f 2>/dev/null | sort)
    if ((${#inputs[@]} == 0)); then
        printf '  FAILED %s is empty or missing\n' "$here/fuzz/corpus/$name"
        failed=1
    elif bounded 600 "$program" "${inputs[@]}" >"$log" 2>&1 && sanitizer_reports asan; then
        passed=${#inputs[@]}
    else
        for input in "${inputs[@]}"; do
            if bounded 60 "$program" "$input" >"$log" 2>&1 && sanitizer_reports asan; then
                passed=$((passed + 1))
            else
                failed=$((failed + 1))
                printf '  FAILED %s\n' "$input"
                tail -n 30 -- "$log" | sed 's/^/         /'
            fi
        done
        # All together they failed, so it must not end well if none of them does alone.
        ((failed)) || failed=1
    fi
    printf '  %d passed, %d failed\n' "$passed" "$failed"
    record "fuzz/$name" "$passed" "$failed"
}

# Is anything of a sanitized build selected? Without a pattern: yes.
sanitized_selected() {
    local name
    [[ -n $pattern ]] || return 0
    for name in "$ARGOS_REPO"/build/release/bin/*_test; do selected "$1/${name##*/}" && return 0; done
    while read -r name; do selected "$1/$name" && return 0; done < <(sanitized_files)
    [[ $1 == asan ]] && selected fuzz/ && return 0
    [[ $1 == asan && $pattern == *fuzz* ]]
}

sanitized_files() { sed 's/#.*//' "$here/lib/sanitized.txt" | awk 'NF {print $1}'; }

# sanitized PRESET: the unit tests and part of the integration tests with a sanitizer in the programs.
sanitized() {
    local preset=$1 file unit
    sanitized_selected "$preset" || return 0
    if ! (build_everything "$preset" -DARGOS_TESTS=ON -DARGOS_BENCHMARKS=OFF); then
        broken=$((broken + 1))
        return 0
    fi
    local -x ARGOS_GATEWAY=$ARGOS_REPO/build/$preset/bin/argos-gateway
    local -x ARGOS_SANDBOX=$ARGOS_REPO/build/release/bin/argos-sandbox
    local -x ARGOS_SANITIZER=$preset
    sanitizer_environment "$preset"
    unit_tests "$preset"
    while read -r file; do
        unit=$preset/$file
        selected "$unit" || continue
        if [[ ! -f $ARGOS_REPO/$file ]]; then
            complain "tests/lib/sanitized.txt names $file, which does not exist."
            broken=$((broken + 1))
            continue
        fi
        python_file "$unit" "$ARGOS_REPO/$file"
        sanitizer_reports "$preset" || record "$unit (sanitizer report)" 0 1
    done < <(sanitized_files)
    [[ $preset != asan ]] || replay_corpora
}

build_everything() {
    configure_preset "$@"
    build_preset "$1"
}

trap finish EXIT
trap interrupted INT TERM
check_debian /etc/os-release
prepare_work_folder
rm -rf -- "$OUT"
mkdir -p -- "$OUT"
: >"$RESULTS"
need_space "$ARGOS_REPO" 3000 'building and running the tests'
mapfile -t node_packages < <(packages_node)
install_packages "${ARGOS_PACKAGES_BUILD[@]}" "${ARGOS_PACKAGES_RUN[@]}" "${ARGOS_PACKAGES_TEST[@]}" "${node_packages[@]}"
build_everything release -DARGOS_TESTS=ON -DARGOS_BENCHMARKS=ON
(node_modules) || broken=$((broken + 1))

export ARGOS_REPO ARGOS_GATEWAY=$ARGOS_REPO/build/release/bin/argos-gateway ARGOS_SANDBOX=$ARGOS_REPO/build/release/bin/argos-sandbox
unit_tests release
python_tests
if [[ $quick == no ]]; then
    sanitized asan
    sanitized tsan
fi
