# shellcheck shell=bash
# Is a port free? Needs common.sh. The kernel's tables are read instead of connecting, so that nobody is disturbed;
# the gateway listens with SO_REUSEPORT, so binding would not notice a gateway that is already there.

# port_inode PORT: the inode of a socket that listens on it on 127.0.0.1, on ::1 (what "localhost" may mean) or on all.
port_inode() {
    awk -v port="$(printf '%04X' "$1")" '
        BEGIN {
            taken["00000000"]; taken["0100007F"]
            taken["00000000000000000000000000000000"]; taken["00000000000000000000000001000000"]
            taken["0000000000000000FFFF000000000000"]; taken["0000000000000000FFFF00000100007F"]
        }
        $4 == "0A" {
            split($2, local, ":")
            if (local[2] == port && local[1] in taken) {
                print $10
                exit
            }
        }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# inode_owner INODE: " by NAME (pid N)", or nothing when the kernel does not tell us.
inode_owner() {
    local link folder
    link=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\\[$1\\]" -print -quit 2>/dev/null) || true
    [[ -n $link ]] || return 0
    folder=${link%/fd/*}
    printf ' by %s (pid %s)' "$(cat -- "$folder/comm" 2>/dev/null)" "${folder#/proc/}"
}

# need_port PORT WHAT VARIABLE
need_port() {
    local inode
    [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] && (($1 <= 65535)) || die "$3=$1 is not a port: use a number from 1 to 65535."
    inode=$(port_inode "$1")
    [[ -z $inode ]] ||
        die "port $1, which $2 needs, is in use$(inode_owner "$inode"): stop that program, or choose another port with $3=PORT."
}
