# shellcheck shell=bash
# Configure and build a preset. Needs common.sh.

# One compiler process for 1.5 GiB of memory: the heaviest files need about 1 GiB.
build_jobs() {
    local cpus memory jobs
    if [[ -n ${ARGOS_JOBS:-} ]]; then
        printf '%s' "$ARGOS_JOBS"
        return
    fi
    cpus=$(nproc)
    memory=$(awk '/^MemAvailable:/ {print int($2 / 1572864)}' /proc/meminfo)
    jobs=$((memory < cpus ? memory : cpus))
    printf '%s' $((jobs > 0 ? jobs : 1))
}

# The first error of a compiler, linker or cmake log, with a little of what follows.
build_errors() {
    grep -nE -A 4 '(error|Error):|CMake Error|FAILED:|undefined symbol' -- "$1" | head -n "${2:-40}"
}

# configure_preset PRESET [CMAKE OPTION...]; skipped when nothing it depends on changed. (ninja itself configures
# again when a CMakeLists.txt changed.)
configure_preset() {
    local preset=$1 folder=$ARGOS_REPO/build/$1 log=$ARGOS_WORK/log/configure-$1.log wanted
    shift
    wanted=$(printf '%s\n' "$preset" "$@" && cksum <"$ARGOS_REPO/CMakePresets.json")
    if [[ -f $folder/build.ninja && -f $folder/CMakeCache.txt && $(cat -- "$folder/.argos-configured" 2>/dev/null) == "$wanted" ]]; then
        return 0
    fi
    step "Configuring ($preset)"
    # --fresh: what an earlier attempt could not find is remembered otherwise. Objects that are built stay.
    if ! (cd "$ARGOS_REPO" && cmake --fresh --preset "$preset" "$@") >"$log" 2>&1; then
        log_says_full "$log" && die "the build could not be configured because the disk is full."
        build_errors "$log" 20 >&2
        die "the build could not be configured (preset $preset); the whole output is in $log."
    fi
    printf '%s\n' "$wanted" >"$folder/.argos-configured"
}

# build_preset PRESET [TARGET...]: everything when no target is named.
build_preset() {
    local preset=$1 log=$ARGOS_WORK/log/build-$1.log jobs
    shift
    local -a targets=()
    (($# == 0)) || targets=(--target "$@")
    jobs=$(build_jobs)
    step "Bringing the build up to date ($preset, $jobs at a time; progress in $log)"
    if ! (cd "$ARGOS_REPO" && cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}") >"$log" 2>&1; then
        # Whatever configuring found may be the reason (a tool that is installed meanwhile): look again next time.
        rm -f -- "$ARGOS_REPO/build/$preset/.argos-configured"
        log_says_full "$log" && die "the build stopped because the disk is full."
        build_errors "$log" >&2
        if grep -qE 'Killed|LLVM ERROR: out of memory|bad_alloc' -- "$log"; then
            die "the build ran out of memory: give the machine 4 GiB or start again with ARGOS_JOBS=1."
        fi
        die "the build failed (preset $preset); the whole output is in $log."
    fi
}
