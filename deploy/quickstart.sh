#!/usr/bin/env bash
# From a fresh clone on Debian 12 to a running gateway in front of a sandbox of Argos. See --help.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source-path=SCRIPTDIR
{
    source "$here/lib/common.sh"
    source "$here/lib/packages.sh"
    source "$here/lib/build.sh"
    source "$here/lib/certs.sh"
    source "$here/lib/ports.sh"
    source "$here/lib/stack.sh"
}

usage() {
    cat <<'TEXT'
Usage: deploy/quickstart.sh [--demo]

Installs what is missing from Debian's packages, builds the gateway and the sandbox, makes certificates and a key in
the work folder, starts both and stays in the foreground; Ctrl-C drains and ends them.

  --demo    instead run every kind of call once through the gateway, print and check the answers, and end:
            exit status 0 only when every answer was as documented
  --help    this text

Environment: ARGOS_WORK_DIR (default .work), ARGOS_GATEWAY_PORT (8080), ARGOS_ADMIN_PORT (9901),
ARGOS_SANDBOX_PORT (9443), ARGOS_JOBS (compilers at a time).
TEXT
}

demo=no
while (($#)); do
    case $1 in
        --demo) demo=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            complain "unknown argument $1."
            usage >&2
            exit 2
            ;;
    esac
    shift
done

check_ports() {
    need_port "$ARGOS_GATEWAY_PORT" 'the gateway' ARGOS_GATEWAY_PORT
    need_port "$ARGOS_ADMIN_PORT" "the gateway's admin page" ARGOS_ADMIN_PORT
    need_port "$ARGOS_SANDBOX_PORT" 'the sandbox' ARGOS_SANDBOX_PORT
}

build_programs() {
    local -a missing
    local extras=ON
    mapfile -t missing < <(packages_missing libgtest-dev libgmock-dev libbenchmark-dev)
    # The tests and benchmarks need packages that running the gateway does not; tests/run.sh installs them.
    ((${#missing[@]} == 0)) || extras=OFF
    [[ -x $ARGOS_BIN/argos-gateway && -x $ARGOS_BIN/argos-sandbox ]] || need_space "$ARGOS_REPO" 500 'the build'
    configure_preset release "-DARGOS_TESTS=$extras" "-DARGOS_BENCHMARKS=$extras"
    build_preset release argos-gateway argos-sandbox
}

make_pictures() {
    local folder=$ARGOS_WORK/demo
    [[ -s $folder/id-card.jpg && -s $folder/selfie.png ]] && return 0
    step 'Drawing a JPEG and a PNG to upload'
    /usr/bin/python3 "$here/demo/pictures.py" "$folder" 2>"$ARGOS_WORK/log/pictures.log" && return 0
    log_says_full "$ARGOS_WORK/log/pictures.log" && die 'the pictures to upload cannot be written because the disk is full.'
    die "the pictures to upload cannot be drawn: $(tail -n 1 -- "$ARGOS_WORK/log/pictures.log")"
}

print_addresses() {
    local base=http://127.0.0.1:$ARGOS_GATEWAY_PORT/v3 admin=http://127.0.0.1:$ARGOS_ADMIN_PORT pictures=$ARGOS_WORK/demo
    local text
    # No program prints this: one that Ctrl-C interrupts would end the script without a drain.
    IFS= read -r -d '' text <<TEXT || true

${ARGOS_BOLD}Ready.${ARGOS_PLAIN}
  Gateway   $base   (no key needed: the gateway adds it)
  Admin     $admin   /livez  /readyz  /metrics
  Sandbox   https://localhost:$ARGOS_SANDBOX_PORT/v3   (stands in for Argos; what it can be made to do: build/release/bin/argos-sandbox --help)
  Config    $ARGOS_CONFIG

Paste into another terminal:

  ID=\$(curl -sS -F issuingCountry=GHA -F email=mina@example.test -F idType=passport -F idImage=@$pictures/id-card.jpg $base/submission/step1 | grep -oiP '"submission_?id"\s*:\s*"\K[^"]+'); echo "\$ID"
  curl -sS -F submissionId="\$ID" -F 'name=Okafor, Mina' -F date_of_birth=1991-04-02 -F faceImage=@$pictures/selfie.png $base/submission/step2; echo
  curl -sS "$base/submission?submission_id=\$ID"; echo
  curl -sS "$base/image?submission_id=\$ID&type=idImage" | cmp - $pictures/id-card.jpg && echo 'the same picture came back'
  curl -sS -X DELETE "$base/submission?submission_id=\$ID"; echo

Ctrl-C drains and ends both. Logs follow (also in $ARGOS_WORK/log).

TEXT
    printf '%s' "$text" >&2
}

run_demo() {
    local status=0
    # Not in the foreground of a wait: a signal while the demo runs must reach the trap at once.
    /usr/bin/python3 "$here/demo/demo.py" --base "http://127.0.0.1:$ARGOS_GATEWAY_PORT/v3" --folder "$ARGOS_WORK/demo" \
        --key-file "$ARGOS_WORK/argos-api-key" &
    reap $! || status=$?
    step 'Draining'
    stop_stack || {
        complain "argos-gateway did not end cleanly; its log is $ARGOS_WORK/log/gateway.log."
        status=1
    }
    return "$status"
}

check_debian /etc/os-release
prepare_work_folder
need_space "$ARGOS_WORK" 100 'the work folder'
check_ports
install_packages "${ARGOS_PACKAGES_BUILD[@]}" "${ARGOS_PACKAGES_RUN[@]}"
build_programs
prepare_secrets
make_pictures
choose_config
check_ports # again: building may have taken minutes

trap on_stop_signal INT TERM HUP
trap 'stop_stack || true' EXIT
[[ $demo == no ]] || export ARGOS_QUIET=1
step 'Starting argos-sandbox and argos-gateway'
start_sandbox
start_gateway

if [[ $demo == yes ]]; then
    run_demo
    exit
fi
print_addresses
ended=0
watch_stack || ended=1
stop_stack || ended=1
exit "$ended"
