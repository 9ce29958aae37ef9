# shellcheck shell=bash
# A private certificate authority for this work folder, server certificates and the sandbox's key. Needs common.sh.
# The authority may only speak for this machine's loopback names, so that its key is of no use to anybody else.

readonly ARGOS_CERT_DAYS=90 ARGOS_CERT_RENEW_SECONDS=$((7 * 24 * 3600))

_openssl() {
    local log=$ARGOS_WORK/log/openssl.log
    openssl "$@" >>"$log" 2>&1 && return 0
    log_says_full "$log" && die "the certificates cannot be written because the disk is full."
    die "openssl failed ($1); its output is in $log."
}

# cert_valid FILE KEY: present, belongs to the key, signed by our authority and good for another week.
cert_valid() {
    [[ -s $1 && -s $2 ]] || return 1
    openssl x509 -in "$1" -noout -checkend "$ARGOS_CERT_RENEW_SECONDS" >/dev/null 2>&1 || return 1
    openssl verify -CAfile "$ARGOS_WORK/ca.pem" -- "$1" >/dev/null 2>&1 || return 1
    cmp -s <(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) <(openssl pkey -in "$2" -pubout 2>/dev/null)
}

make_authority() {
    local key=$ARGOS_WORK/ca.key cert=$ARGOS_WORK/ca.pem
    cert_valid "$cert" "$key" && return 0
    _openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key.new"
    _openssl req -x509 -new -key "$key.new" -sha256 -days 730 -out "$cert.new" \
        -subj '/CN=Argos Gateway local test authority' \
        -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign' \
        -addext 'nameConstraints=critical,permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
    mv -f -- "$key.new" "$key"
    mv -f -- "$cert.new" "$cert"
}

# make_certificate NAME: NAME.pem (with the authority's behind it) and NAME.key.
make_certificate() {
    local name=$1 key=$ARGOS_WORK/$1.key cert=$ARGOS_WORK/$1.pem
    cert_valid "$cert" "$key" && return 0
    _openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key.new"
    _openssl req -new -key "$key.new" -sha256 -subj "/CN=$name (local)" -out "$cert.request"
    printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
        'extendedKeyUsage=serverAuth' 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' >"$cert.extensions"
    _openssl x509 -req -in "$cert.request" -CA "$ARGOS_WORK/ca.pem" -CAkey "$ARGOS_WORK/ca.key" \
        -set_serial "0x$(openssl rand -hex 16)" -sha256 -days "$ARGOS_CERT_DAYS" -extfile "$cert.extensions" -out "$cert.new"
    rm -f -- "$cert.request" "$cert.extensions"
    mv -f -- "$key.new" "$key"
    mv -f -- "$cert.new" "$cert"
}

make_api_key() {
    local file=$ARGOS_WORK/argos-api-key
    [[ -s $file ]] && return 0
    printf 'sandbox-%s\n' "$(openssl rand -hex 20)" >"$file.new" && mv -f -- "$file.new" "$file" ||
        die "the key file $file cannot be written: check the disk."
}

prepare_secrets() {
    local before
    before=$(umask)
    umask 077
    : >"$ARGOS_WORK/log/openssl.log"
    make_authority
    make_certificate sandbox
    make_certificate gateway
    make_api_key
    umask "$before"
}
