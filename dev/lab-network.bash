# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The lab's cables: network namespaces of our own, joined by bridges in a namespace that holds nothing else.
# The host's own network is never touched, and names carry a hash of the checkout, so labs stand side by side.
#
#       internet 203.0.113.0/24, 2001:db8::/64             lan 192.168.1.0/24, 2001:db8:1::/64
#       net .53 .54 .55 ─┬─ router .10 ────────────────── router .1 ─┬─ home .2
#       visitor .200 .201 ┘                                          └─ ha .4

# machine link address… ; several lines give a machine several links.
network_plan='
net      internet 203.0.113.53/24 203.0.113.54/24 203.0.113.55/24 2001:db8::53/64 2001:db8::54/64 2001:db8::55/64
visitor  internet 203.0.113.200/24 203.0.113.201/24 2001:db8::200/64
router   internet 203.0.113.10/24 2001:db8::10/64
router   lan      192.168.1.1/24 2001:db8:1::1/64
home     lan      192.168.1.2/24 2001:db8:1::2/64
ha       lan      192.168.1.4/24 2001:db8:1::4/64
'

netns() { echo "hagw-$id-$1"; }

network_up() {
        local machine link address ns
        ip netns add "$(netns wire)"
        for link in internet lan; do
                ip -n "$(netns wire)" link add "$link" type bridge
                ip -n "$(netns wire)" link set "$link" up
        done
        while read -r machine link address; do
                [ -n "$machine" ] || continue
                ns=$(netns "$machine")
                [ -e "/run/netns/$ns" ] || { ip netns add "$ns"; ip -n "$ns" link set lo up; }
                ip link add "$link" netns "$ns" type veth peer name "$machine-${link:0:3}" netns "$(netns wire)"
                ip -n "$(netns wire)" link set "$machine-${link:0:3}" master "$link" up
                ip netns exec "$ns" sh -c 'echo 0 >"/proc/sys/net/ipv6/conf/$1/accept_dad"' sh "$link"
                for address in $address; do ip -n "$ns" address add "$address" dev "$link"; done
                ip -n "$ns" link set "$link" up
        done <<<"$network_plan"
        for machine in home ha; do
                ip -n "$(netns $machine)" route add default via 192.168.1.1
                ip -n "$(netns $machine)" route add default via 2001:db8:1::1
        done
        for machine in net visitor; do ip -n "$(netns $machine)" route add 2001:db8:1::/64 via 2001:db8::10; done
        router_up 203.0.113.10
}

# What a router at home does: forwards ports to the house without hiding who asks, masquerades the way out,
# and lets the house reach itself by its public address.
router_up() {
        ip netns exec "$(netns router)" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
                echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
        ip netns exec "$(netns router)" chroot "${HAGW_BOX:-$cache/box}" nft -f - <<RULES
flush ruleset
table inet router {
        chain prerouting {
                type nat hook prerouting priority dstnat
                ip daddr $1 tcp dport { 53, 80, 443 } dnat ip to 192.168.1.2
                ip daddr $1 udp dport 53 dnat ip to 192.168.1.2
        }
        chain postrouting {
                type nat hook postrouting priority srcnat
                ip saddr 192.168.1.0/24 oifname "internet" masquerade
                ip saddr 192.168.1.0/24 ip daddr 192.168.1.2 ct status dnat masquerade
        }
}
RULES
}

# The provider gives the house another address, and the router tells the dynamic name and the parent zone.
router_renumber() {
        local old
        old=$(ip -n "$(netns router)" -4 -o address show dev internet | sed -E 's/.*inet ([0-9.]+).*/\1/')
        ip -n "$(netns router)" address del "$old/24" dev internet
        ip -n "$(netns router)" address add "$1/24" dev internet
        router_up "$1"
        machine_run net sh -ec '
                k="knotc -s /run/knot/knot.sock"
                $k zone-begin example.com
                for name in house.dyn ns.home; do
                        $k zone-unset example.com $name A
                        $k zone-set example.com $name 5 A "$1"
                done
                $k zone-commit example.com' sh "$1" >/dev/null
}

network_down() {
        local ns pid
        for ns in $(ip netns list 2>/dev/null | awk '{ print $1 }' | grep "^hagw-$id-"); do
                for pid in $(ip netns pids "$ns"); do kill -KILL "$pid" 2>/dev/null; done
                ip netns delete "$ns"
        done
}
