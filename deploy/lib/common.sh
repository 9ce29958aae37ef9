# shellcheck shell=bash
# What every script of the repository shares: messages, places, the check of the system and of free space.
# Sourced, never run. The caller has set `set -euo pipefail`.

ARGOS_REPO=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
ARGOS_WORK=${ARGOS_WORK_DIR:-$ARGOS_REPO/.work}
[[ $ARGOS_WORK == /* ]] || ARGOS_WORK=$PWD/$ARGOS_WORK

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
    ARGOS_BOLD=$'\e[1m' ARGOS_RED=$'\e[31m' ARGOS_DIM=$'\e[2m' ARGOS_PLAIN=$'\e[0m'
else
    ARGOS_BOLD='' ARGOS_RED='' ARGOS_DIM='' ARGOS_PLAIN=''
fi

step() { printf '%s==>%s %s\n' "$ARGOS_BOLD" "$ARGOS_PLAIN" "$*" >&2; }
note() { printf '    %s%s%s\n' "$ARGOS_DIM" "$*" "$ARGOS_PLAIN" >&2; }
complain() { printf '%serror:%s %s\n' "$ARGOS_RED" "$ARGOS_PLAIN" "$*" >&2; }

# Ends the script with one sentence. In a subshell it ends that subshell only, so callers must not swallow its status.
die() {
    complain "$*"
    exit 1
}

# The release file is an argument so that a test can present another system.
check_debian() {
    local file=$1 id='' version='' name=''
    if [[ -r $file ]]; then
        id=$(sed -n 's/^ID="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$file")
        version=$(sed -n 's/^VERSION_ID="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$file")
        name=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$file")
    fi
    [[ $id == debian && $version == 12 ]] ||
        die "this set-up needs Debian 12 (bookworm), and this system is ${name:-unknown}: use a Debian 12 machine or container."
}

# Everything that is made stays in the clone and the work folder; that includes the caches of the tools.
prepare_work_folder() {
    mkdir -p -- "$ARGOS_WORK" 2>/dev/null ||
        die "the work folder $ARGOS_WORK cannot be made: check the disk and its permissions, or set ARGOS_WORK_DIR."
    chmod 0700 -- "$ARGOS_WORK" 2>/dev/null && mkdir -p -- "$ARGOS_WORK/log" 2>/dev/null && [[ -w $ARGOS_WORK/log ]] ||
        die "the work folder $ARGOS_WORK cannot be written by $(id -un): remove it or set ARGOS_WORK_DIR."
    export CCACHE_DIR=${CCACHE_DIR:-$ARGOS_WORK/ccache}
    export npm_config_cache=${npm_config_cache:-$ARGOS_WORK/npm}
    export PYTHONDONTWRITEBYTECODE=1
}

# need_space FOLDER MEBIBYTES PURPOSE
need_space() {
    local folder=$1 wanted=$2 purpose=$3 free
    free=$(df -Pm -- "$folder" 2>/dev/null | awk 'NR == 2 {print $4}')
    [[ -n $free ]] || die "the free space of $folder cannot be read."
    ((free >= wanted)) ||
        die "the disk of $folder has $free MiB free and $purpose needs $wanted MiB: free some space and start again."
}

# log_says_full LOG: did a tool fail because the disk is full?
log_says_full() {
    grep -qiE 'No space left on device|ENOSPC|not have enough free space|Disk quota exceeded' -- "$1" 2>/dev/null
}
