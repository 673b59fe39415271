# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The lab's machines: an image below, what the machine writes above it (overlayfs), a real systemd as process 1.

# Machines by set. Routers are none, but namespaces with rules.
lab_machines='
always  net visitor
gateway ha home
relay   relay cabinha flatha cabin flat
container container
'
lab_routers='
gateway router
relay   carrier cabinrouter flatrouter
'

is_up() { [ "$1" = always ] || grep -qsx -- "$1" "$lab/sets"; }

# of_sets TABLE: the names in the rows of the sets that are up.
of_sets() {
        local set names
        while read -r set names; do
                # shellcheck disable=SC2086
                if [ -n "$set" ] && is_up "$set"; then printf '%s\n' $names; fi
        done <<<"$1"
}

machines() { of_sets "$lab_machines"; }
routers() { of_sets "$lab_routers"; }
# Those on which hagw is installed, as anybody would.
houses() { machines | grep -xE 'home|relay|cabin|flat|container'; }

# What a machine is made of: folders of tests/lab/, and of what was made for this lab.
parts_of() {
        case $1 in
        home|relay|cabin|flat|container) echo "house $1" ;;
        ha|cabinha|flatha)     echo "common service $1" ;;
        *)                     echo "common $1" ;;
        esac
}

alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

# Process 1 of a machine, as the host numbers it: the supervisor's grandchild that is 1 in its own namespace.
machine_leader() {
        local supervisor nspawn child
        supervisor=$(cat "$lab/$1/pid" 2>/dev/null) && alive "$supervisor" || return 1
        for nspawn in $(cat "/proc/$supervisor/task/$supervisor/children" 2>/dev/null); do
                for child in $(cat "/proc/$nspawn/task/$nspawn/children" 2>/dev/null); do
                        if grep -qE '^NSpid:.*[[:space:]]1$' "/proc/$child/status" 2>/dev/null; then
                                echo "$child"
                                return
                        fi
                done
        done
        return 1
}

machine_run() {
        local machine=$1 leader tty=dumb
        shift
        if routers | grep -x -- "$machine" >/dev/null; then ip netns exec "$(netns "$machine")" "$@"; return; fi
        leader=$(machine_leader "$machine") || { say "$machine is not running (dev/lab status)"; return 125; }
        [ -t 1 ] && tty=${TERM:-dumb}
        nsenter -t "$leader" -a /usr/bin/env -i HOME=/root USER=root LANG=C.UTF-8 TERM="$tty" \
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                sh -c 'cd /root && exec "$@"' sh "$@"
}

# What only the supervisor sees: the overlay, and where the host has cgroup v1, a plain cgroup2 tree.
# nspawn ends with 133 when the machine asks for a reboot.
# shellcheck disable=SC2016
supervise='
        set -e
        image=$1 dir=$2 name=$3 hostname=$4 netns=$5 src=$6 house=$7 unit=$8
        mount -t overlay overlay -o "lowerdir=$image,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
        mkdir -p /run/systemd/nspawn
        mount -t tmpfs tmpfs /run/systemd/nspawn
        if [ ! -e /sys/fs/cgroup/cgroup.procs ]; then
                umount -R /sys/fs/cgroup
                mount -t cgroup2 cgroup2 /sys/fs/cgroup
        fi
        if [ -z "$unit" ]; then
                mkdir -p "/sys/fs/cgroup/$name"
                echo $$ >"/sys/fs/cgroup/$name/cgroup.procs"
        fi
        # A house is a house: it sees the packages and nothing else of the checkout. Its own init does what a stricter
        # container than this one would have done before.
        if [ -x "$dir/upper/usr/local/sbin/init" ]; then
                set -- --bind-ro="$src/.cache/debs:/srv/debs:norbind" /usr/local/sbin/init
        elif [ -n "$house" ]; then
                set -- --boot --bind-ro="$src/.cache/debs:/srv/debs:norbind"
        else
                set -- --boot --bind-ro="$src:/hagw:norbind" systemd.unit=lab.target
        fi
        while :; do
                status=0
                systemd-nspawn --quiet --directory="$dir/root" --machine="$name" --hostname="$hostname" \
                        --register=no --keep-unit --network-namespace-path="/run/netns/$netns" \
                        --capability=CAP_NET_ADMIN --resolv-conf=off --timezone=off --link-journal=no \
                        --kill-signal=SIGRTMIN+3 --console=pipe "$@" </dev/null || status=$?
                [ $status = 133 ] || exit $status
        done
'

machine_start() {
        local machine=$1 dir=$lab/$1 image=$cache/box name part parts from is_house='' unit=()
        parts=$(parts_of "$machine")
        # The houses' image was named when it was made.
        case $parts in house*) image=$house is_house=yes ;; esac
        name=$(netns "$machine")
        mkdir -p "$dir/upper" "$dir/work" "$dir/root"
        for part in $parts; do
                for from in "$src/tests/lab/$part" "$lab/extra/$part"; do
                        [ ! -d "$from" ] || cp -r "$from/." "$dir/upper/"
                done
        done
        # Empty: a machine that is not being installed, and that makes itself an id.
        mkdir -p "$dir/upper/etc"
        : >"$dir/upper/etc/machine-id"
        echo "$machine" >"$dir/upper/etc/hostname"
        # Where systemd runs the host, a machine is a scope of its own; elsewhere a cgroup made by hand.
        [ ! -d /run/systemd/system ] || unit=(systemd-run --quiet --scope --unit="$name" --description="hagw lab: $machine" \
                --property=Delegate=yes)
        setsid "${unit[@]}" unshare --mount --propagation private sh -c "$supervise" supervise \
                "$image" "$dir" "$name" "$machine" "$name" "$src" "$is_house" "${unit[0]:-}" \
                >"$logs/$machine.console.log" 2>&1 </dev/null 9>&- &
        echo $! >"$dir/pid"
}

# Waits until the machine's systemd says that everything it wanted to start has started.
machine_wait() {
        local machine=$1 until=$((SECONDS + 60)) state=
        while [ $SECONDS -lt $until ]; do
                alive "$(cat "$lab/$machine/pid")" || break
                if machine_leader "$machine" >/dev/null; then
                        state=$(machine_run "$machine" systemctl is-system-running 2>/dev/null) || :
                        case $state in
                        running)  return ;;
                        degraded) machine_run "$machine" systemctl --failed --no-legend --plain >&2 || :
                                  say "on $machine these units failed (dev/lab run $machine journalctl -b)"
                                  return 1 ;;
                        esac
                fi
                sleep 0.1
        done
        tail -n 5 "$logs/$machine.console.log" >&2
        say "$machine did not boot (state: ${state:-none}; log: $logs/$machine.console.log)"
        return 1
}

# Asks the machine to shut down, waits a little, then ends it.
machine_stop() {
        local machine=$1 pid leader until=$((SECONDS + 8)) cgroup
        pid=$(cat "$lab/$machine/pid" 2>/dev/null) || return 0
        if leader=$(machine_leader "$machine"); then kill -RTMIN+4 "$leader" 2>/dev/null; fi
        while alive "$pid" && [ $SECONDS -lt $until ]; do sleep 0.05; done
        if alive "$pid"; then
                leader=$(machine_leader "$machine") && kill -KILL "$leader"
                kill -KILL -- "-$pid" "$pid" 2>/dev/null
        fi
        rm -f "$lab/$machine/pid"
        for cgroup in /sys/fs/cgroup/unified /sys/fs/cgroup; do
                cgroup=$cgroup/$(netns "$machine")
                [ ! -d "$cgroup" ] || find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
        done
}
