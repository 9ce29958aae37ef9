# shellcheck shell=bash
# The Debian packages the repository needs, and nothing else installs any. Needs common.sh.

# llvm-19 has llvm-ar and llvm-ranlib, which link-time optimisation needs (and llvm-symbolizer for the sanitizers).
ARGOS_PACKAGES_BUILD=(
    clang-19 lld-19 llvm-19 cmake ninja-build ccache git
    libboost1.81-dev libboost-url1.81-dev libboost-json1.81-dev
    libssl-dev libspdlog-dev prometheus-cpp-dev libtomlplusplus-dev libcli11-dev libsimdjson-dev libisal-dev libhiredis-dev
)
ARGOS_PACKAGES_RUN=(openssl curl ca-certificates python3 util-linux)
ARGOS_PACKAGES_TEST=(
    libgtest-dev libgmock-dev libbenchmark-dev libclang-rt-19-dev
    python3 python3-requests python3-httpx python3-werkzeug python3-pil procps shellcheck redis-server
)
ARGOS_PACKAGES_BENCH=(nginx haproxy varnish wrk libbenchmark-dev procps python3)

# packages_missing NAME...: those of the names that dpkg does not have, one a line.
packages_missing() {
    local name
    declare -A have=()
    while read -r name; do have[$name]=1; done < <(
        dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | awk '$1 == "installed" {print $2}'
    )
    for name in "$@"; do
        [[ -n ${have[$name]:-} ]] || printf '%s\n' "$name"
    done
}

# Debian's node 18 is enough; another one that is already there (NodeSource, for instance) is kept.
packages_node() {
    local major=0
    if command -v node >/dev/null; then
        major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
    fi
    ((${major:-0} >= 18)) || printf 'nodejs\n'
    command -v npm >/dev/null || printf 'npm\n'
}

# apt_get LOG ARGUMENTS...: as root, never asking, never starting a service of what it installs
# (nginx and haproxy are used by the benchmark with its own configuration, not as daemons).
apt_get() {
    local log=$1
    shift
    local -a command=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l SYSTEMD_OFFLINE=1
        apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -q "$@")
    if ((EUID != 0)); then
        local -a sudo=(sudo)
        [[ -t 0 ]] || sudo=(sudo -n)
        command=("${sudo[@]}" "${command[@]}")
    fi
    "${command[@]}" >>"$log" 2>&1 </dev/null
}

# What apt said, in one line.
apt_reason() {
    if log_says_full "$1"; then
        printf 'the disk is full'
    else
        grep -E '^E: |password is required' -- "$1" | tail -n 1 | sed 's/^E: //' | grep . || printf 'see %s' "$1"
    fi
}

# install_packages NAME...: what is missing, from Debian's archive.
install_packages() {
    local -a missing
    mapfile -t missing < <(packages_missing "$@")
    ((${#missing[@]})) || return 0
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        die "these packages are missing and only root can install them: ${missing[*]} (start this once as root)."
    fi
    step "Installing from Debian: ${missing[*]}"
    local log=$ARGOS_WORK/log/apt.log
    : >"$log"
    need_space /usr 1500 'installing the packages'
    apt_get "$log" update || die "the package lists cannot be updated: $(apt_reason "$log")."
    # --no-remove: a conflict (libboost1.74-dev, for instance) must be decided by the owner of the machine, not by us.
    apt_get "$log" install -y --no-install-recommends --no-remove "${missing[@]}" ||
        die "these packages cannot be installed (${missing[*]}): $(apt_reason "$log")."
    mapfile -t missing < <(packages_missing "$@")
    ((${#missing[@]} == 0)) || die "apt reported success but these packages are still missing: ${missing[*]}."
}
