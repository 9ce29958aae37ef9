# shellcheck shell=bash
# How the sanitized programs report. Needs common.sh; OUT is the folder of this run.

# Reports go to files, because a test may start the gateway and never look at its output: any file there is a failure.
# The folder is not the work folder, which only its owner can enter: some tests run the gateway as another user.
SANITIZER_REPORTS=''
sanitizer_environment() {
    local preset=$1 reports
    if [[ -z $SANITIZER_REPORTS ]]; then
        SANITIZER_REPORTS=$(mktemp -d "${TMPDIR:-/tmp}/argos-reports-XXXXXX")
        chmod 1777 -- "$SANITIZER_REPORTS"
    fi
    reports=$SANITIZER_REPORTS/report
    local symbolizer=/usr/bin/llvm-symbolizer-19
    mkdir -p -- "$OUT/$preset"
    export ASAN_SYMBOLIZER_PATH=$symbolizer LSAN_OPTIONS=''
    export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:check_initialization_order=1:exitcode=97:log_path=$reports"
    export UBSAN_OPTIONS="print_stacktrace=1:external_symbolizer_path=$symbolizer:log_path=$reports"
    export TSAN_OPTIONS="second_deadlock_stack=1:exitcode=97:external_symbolizer_path=$symbolizer:log_path=$reports"
    [[ ! -f $ARGOS_REPO/tests/support/tsan.suppressions ]] ||
        TSAN_OPTIONS+=":suppressions=$ARGOS_REPO/tests/support/tsan.suppressions"
}

# sanitizer_reports PRESET: shows what was reported since the last call; false when there was something.
sanitizer_reports() {
    local preset=$1 file found=0
    for file in "$SANITIZER_REPORTS"/report.*; do
        [[ -f $file ]] || continue
        found=1
        printf '  SANITIZER REPORT %s\n' "$OUT/$preset/${file##*/}"
        head -n 60 -- "$file" | sed 's/^/         /'
        mv -- "$file" "$OUT/$preset/"
    done
    return "$found"
}
