# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What bench/run and bench/tunnel share. A script sets `self` before it reads this file.
# shellcheck source=dev/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/../dev/lib.bash"

# install_debian PACKAGE…: into the box. A peer that cannot be installed is left out of the tables, and they say so.
install_debian() {
        # shellcheck disable=SC2016
        "$src/dev/box" run sh -c '
                for p; do dpkg-query -W -f "\${Status}" "$p" 2>/dev/null | grep -q " installed" || echo "$p"; done >/tmp/missing
                [ -s /tmp/missing ] || exit 0
                echo "bench: installing $(paste -sd" " /tmp/missing)" >&2
                apt-get update -qq || exit 0
                while read -r p; do
                        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$p" >/dev/null 2>&1 ||
                                echo "bench: $p could not be installed" >&2
                done </tmp/missing
                # A machine that dev/deb-test boots from the box is to have nothing of them on its ports.
                systemctl disable --quiet nginx haproxy caddy knot nsd 2>/dev/null || :' sh "$@"
}

# build_hagw TARGET…: hagw in build-bench/, -O2 and no sanitizers.
build_hagw() {
        local log=$src/build-bench/make.log
        mkdir -p "$src/build-bench"
        say "building (log: $log)"
        # shellcheck disable=SC2016
        "$src/dev/box" run sh -ec '
                [ configure -nt configure.ac ] && [ -e Makefile.in ] || ./autogen.sh
                cd build-bench
                [ -e Makefile ] || ../configure --quiet CFLAGS="-g -O2"
                make -s -j"$(nproc)" "$@"' sh "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "the build failed"; }
}

# measure PART ARGUMENT…: bench/bench_PART.py in a network namespace with nothing but lo: no other traffic, any port is free.
# Connections may leave from any port above those that programs listen on; as many descriptors as this machine allows.
measure() {
        local part=$1 commit
        shift
        commit=$(git -C "$src" rev-parse --short HEAD 2>/dev/null || :)
        # shellcheck disable=SC2016
        "$src/dev/box" run unshare --net sh -ec '
                ip link set lo up
                echo 10240 65535 >/proc/sys/net/ipv4/ip_local_port_range
                ulimit -n "$(ulimit -Hn)"
                exec "$@"' sh env HAGW_BUILD=/hagw/build-bench HAGW_COMMIT="$commit" PYTHONDONTWRITEBYTECODE=1 \
                python3 "bench/bench_$part.py" "$@"
}
