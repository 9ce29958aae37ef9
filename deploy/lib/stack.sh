# shellcheck shell=bash
# Starts the sandbox and the gateway, watches them and ends exactly these two. Needs common.sh.

ARGOS_BIN=$ARGOS_REPO/build/release/bin
ARGOS_SANDBOX_PORT=${ARGOS_SANDBOX_PORT:-9443}
ARGOS_GATEWAY_PORT=${ARGOS_GATEWAY_PORT:-8080}
ARGOS_ADMIN_PORT=${ARGOS_ADMIN_PORT:-9901}
ARGOS_CONFIG=$ARGOS_REPO/config/local.toml
sandbox_pid='' gateway_pid='' launched='' drain_asked=no stop_requests=0 stop_time=0 readers=()

# config/local.toml says it all. Only when a port or the work folder was chosen otherwise, a copy with these in it is used.
choose_config() {
    local standard=$ARGOS_CONFIG text
    if [[ $ARGOS_SANDBOX_PORT/$ARGOS_GATEWAY_PORT/$ARGOS_ADMIN_PORT == 9443/8080/9901 && $ARGOS_WORK == "$ARGOS_REPO/.work" ]]; then
        return 0
    fi
    ARGOS_CONFIG=$ARGOS_WORK/local.toml
    text=$(<"$standard")
    text=${text//127.0.0.1:8080/127.0.0.1:$ARGOS_GATEWAY_PORT}
    text=${text//127.0.0.1:9901/127.0.0.1:$ARGOS_ADMIN_PORT}
    text=${text//localhost:9443/localhost:$ARGOS_SANDBOX_PORT}
    text=${text//..\/.work\//$ARGOS_WORK/}
    printf '%s\n' "$text" >"$ARGOS_CONFIG" || die "$ARGOS_CONFIG cannot be written: check the disk."
}

# Each child has a session of its own, so that Ctrl-C reaches only this script, which then drains them in order;
# should the script itself be killed, the kernel ends the children. Their lines are shown with the program's name, by
# readers that ignore the signals of the terminal, so that the last lines of a drain are shown as well.
launch() {
    local name=$1 out log=$ARGOS_WORK/log/$1.log
    shift
    : >"$log"
    if [[ ${ARGOS_QUIET:-} == 1 ]]; then
        exec {out}>>"$log"
    else
        exec {out}> >(trap '' INT TERM HUP && tee -a -- "$log" | sed -u "s/^/$name | /" >&2)
        readers+=("$!")
    fi
    setpriv --pdeathsig TERM -- setsid -- "$@" >&"$out" 2>&1 </dev/null &
    launched=$!
    exec {out}>&-
}

# http_status URL [CURL OPTION...]: the status of the answer, 000 when there is none.
http_status() { curl -q --noproxy '*' -sS -o /dev/null -m 2 -w '%{http_code}' "$@" 2>/dev/null || true; }

# wait_for NAME PID SECONDS STATUS URL [CURL OPTION...]
wait_for() {
    local name=$1 pid=$2 seconds=$3 wanted=$4 seen='' i
    shift 4
    for ((i = 0; i < seconds * 20; i++)); do
        seen=$(http_status "$@")
        [[ $seen =~ ^($wanted)$ ]] && return 0
        ((stop_requests == 0)) || exit 130
        if ! kill -0 "$pid" 2>/dev/null; then
            die "$name ended while starting: $(tail -n 1 -- "$ARGOS_WORK/log/${name#argos-}.log" | grep . || printf 'it said nothing')"
        fi
        sleep 0.05 || true
    done
    die "$name was not ready within $seconds seconds (last answer: ${seen:-none}); its log is $ARGOS_WORK/log/${name#argos-}.log."
}

start_sandbox() {
    # The sandbox takes its key as an argument. It is a made-up key that opens nothing but this sandbox; the gateway,
    # which in production holds a real one, only ever gets the name of a file.
    launch sandbox "$ARGOS_BIN/argos-sandbox" serve --log --listen "127.0.0.1:$ARGOS_SANDBOX_PORT" \
        --tls "$ARGOS_WORK/sandbox.pem" "$ARGOS_WORK/sandbox.key" --api-key "$(<"$ARGOS_WORK/argos-api-key")"
    sandbox_pid=$launched
    # Without the key it must say 403: that proves TLS, the certificate and the key check in one.
    wait_for argos-sandbox "$sandbox_pid" 10 403 --cacert "$ARGOS_WORK/ca.pem" "https://localhost:$ARGOS_SANDBOX_PORT/v3/submission"
}

start_gateway() {
    launch gateway "$ARGOS_BIN/argos-gateway" serve --config "$ARGOS_CONFIG"
    gateway_pid=$launched
    wait_for argos-gateway "$gateway_pid" 20 200 "http://127.0.0.1:$ARGOS_ADMIN_PORT/readyz"
}

# reap PID: waits for its end in spite of signals that arrive meanwhile; the result is its exit status.
reap() {
    local status=0
    while :; do
        status=0
        wait "$1" || status=$?
        ((status > 128)) && kill -0 "$1" 2>/dev/null || break
    done
    return "$status"
}

# The first Ctrl-C drains, a second one stops at once; both are what the gateway itself does with two signals.
# Some supervisors signal a process and then its group: two within half a second are one.
on_stop_signal() {
    local now=${EPOCHREALTIME/[.,]/}
    ((now - stop_time > 500000)) || return 0
    stop_time=$now
    stop_requests=$((stop_requests + 1))
    ((stop_requests > 1)) || step 'Draining (once more to stop at once)'
    ask_to_drain
}

ask_to_drain() {
    [[ -n $gateway_pid ]] || return 0
    drain_asked=yes
    kill -TERM "$gateway_pid" 2>/dev/null || true
}

# stop_stack: the gateway first, so that what is in flight still has a vendor. The result is the gateway's exit status.
stop_stack() {
    local status=0
    if [[ -n $gateway_pid ]]; then
        [[ $drain_asked == yes ]] || ask_to_drain
        reap "$gateway_pid" || status=$?
        gateway_pid=''
    fi
    if [[ -n $sandbox_pid ]]; then
        kill -TERM "$sandbox_pid" 2>/dev/null || true
        reap "$sandbox_pid" || true
        sandbox_pid=''
    fi
    ((${#readers[@]} == 0)) || wait "${readers[@]}" || true
    readers=()
    return "$status"
}

# watch_stack: returns 0 when a stop was asked for, 1 when one of the two ended by itself.
# Looks once a second: bash's `wait -n` misses a child that ended before it was called.
watch_stack() {
    local name pid
    while ((stop_requests == 0)); do
        for name in gateway sandbox; do
            pid=${name}_pid
            if ! kill -0 "${!pid}" 2>/dev/null && ((stop_requests == 0)); then
                complain "argos-$name ended by itself."
                return 1
            fi
        done
        sleep 1 &
        wait $! || true
    done
}
