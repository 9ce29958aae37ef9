#!/usr/bin/env bash
# Compares the gateway with nginx, HAProxy and Varnish: installs what is missing, builds Release, measures, prints tables.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source-path=SCRIPTDIR
{
    source "$here/../deploy/lib/common.sh"
    source "$here/../deploy/lib/packages.sh"
    source "$here/../deploy/lib/build.sh"
}

build=yes
gateway=(argos-gateway)
targets=(argos-bench-load argos-bench-vendor)
arguments=()
for argument in "$@"; do
    case $argument in
        --no-build)
            build=no
            continue
            ;;
        # Without the gateway, or with one that is measured as it is, only our own programs are built.
        --peers-only | --gateway | --gateway=*) gateway=() ;;
        --hit-ratio) targets+=(argos-bench-hit-ratio) ;;
        -h | --help) exec /usr/bin/python3 "$here/run.py" --help ;;
    esac
    arguments+=("$argument")
done

check_debian /etc/os-release
prepare_work_folder
packages=("${ARGOS_PACKAGES_BENCH[@]}" openssl)
[[ $build == no ]] || packages+=("${ARGOS_PACKAGES_BUILD[@]}")
install_packages "${packages[@]}"

if [[ $build == yes ]]; then
    # As the quick start configures, so that neither undoes the other's build folder.
    tests=ON
    [[ -z $(packages_missing libgtest-dev libgmock-dev) ]] || tests=OFF
    configure_preset release "-DARGOS_TESTS=$tests" -DARGOS_BENCHMARKS=ON
    build_preset release "${targets[@]}" "${gateway[@]}"
fi

exec /usr/bin/python3 "$here/run.py" "${arguments[@]}"
