# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The lab's cables: network namespaces of our own, joined by bridges in a namespace that holds nothing else.
# The host's own network is never touched, and names carry a hash of the checkout, so labs stand side by side.
#
#       internet 203.0.113.0/24, 2001:db8::/64                  lan 192.168.1.0/24, 2001:db8:1::/64
#       net .53 .54 .55 ──┬── router .10 ──────────────────────────── router .1 ─┬─ home .2
#       visitor .200 .201 ┤                                                      └─ ha .4
#       container .60     │
#       relay .20         │           cgnat 100.64.0.0/10        cabinlan 10.1.0.0/24
#                         ├── carrier .30 ── .1 cabinrouter .2 ── cabinrouter .1 ─┬─ cabin .2
#                         │                                                       └─ cabinha .4
#                         │                                      flatlan 10.2.0.0/24, 2001:db8:2::/64
#                         └── flatrouter .40 ───────────────────── flatrouter .1 ─┬─ flat .2
#                                                                                 └─ flatha .4

# set machine link address… ; several lines give a machine several links.
network_plan='
always  net         internet 203.0.113.53/24 203.0.113.54/24 203.0.113.55/24 2001:db8::53/64 2001:db8::54/64 2001:db8::55/64
always  visitor     internet 203.0.113.200/24 203.0.113.201/24 2001:db8::200/64
gateway router      internet 203.0.113.10/24 2001:db8::10/64
gateway router      lan      192.168.1.1/24 2001:db8:1::1/64
gateway home        lan      192.168.1.2/24 2001:db8:1::2/64
gateway ha          lan      192.168.1.4/24 2001:db8:1::4/64
container container internet 203.0.113.60/24 2001:db8::60/64
relay   relay       internet 203.0.113.20/24 2001:db8::20/64
relay   carrier     internet 203.0.113.30/24
relay   carrier     cgnat    100.64.0.1/10
relay   cabinrouter cgnat    100.64.0.2/10
relay   cabinrouter cabinlan 10.1.0.1/24
relay   cabin       cabinlan 10.1.0.2/24
relay   cabinha     cabinlan 10.1.0.4/24
relay   flatrouter  internet 203.0.113.40/24 2001:db8::40/64
relay   flatrouter  flatlan  10.2.0.1/24 2001:db8:2::1/64
relay   flat        flatlan  10.2.0.2/24 2001:db8:2::2/64
relay   flatha      flatlan  10.2.0.4/24 2001:db8:2::4/64
'

# set machine destination router
routes='
gateway home        default 192.168.1.1
gateway home        default 2001:db8:1::1
gateway ha          default 192.168.1.1
gateway ha          default 2001:db8:1::1
gateway net         2001:db8:1::/64 2001:db8::10
gateway visitor     2001:db8:1::/64 2001:db8::10
relay   cabinrouter default 100.64.0.1
relay   cabin       default 10.1.0.1
relay   cabinha     default 10.1.0.1
relay   flat        default 10.2.0.1
relay   flat        default 2001:db8:2::1
relay   flatha      default 10.2.0.1
relay   flatha      default 2001:db8:2::1
relay   net         2001:db8:2::/64 2001:db8::40
relay   visitor     2001:db8:2::/64 2001:db8::40
relay   relay       2001:db8:2::/64 2001:db8::40
'

netns() { echo "hagw-$id-$1"; }

# A tool of the box (tcpdump, nft, ss) in a machine's network, with the machine none the wiser.
wire() {
        local ns
        ns=$(netns "$1")
        shift
        ip netns exec "$ns" chroot "${HAGW_BOX:-$cache/box}" "$@"
}

cable_up() {
        local machine=$1 link=$2 ns address
        shift 2
        ns=$(netns "$machine")
        if ! ip -n "$(netns wire)" link show "$link" >/dev/null 2>&1; then
                ip -n "$(netns wire)" link add "$link" type bridge
                ip -n "$(netns wire)" link set "$link" up
        fi
        [ -e "/run/netns/$ns" ] || { ip netns add "$ns"; ip -n "$ns" link set lo up; }
        ip link add "$link" netns "$ns" type veth peer name "$machine-${link:0:3}" netns "$(netns wire)"
        ip -n "$(netns wire)" link set "$machine-${link:0:3}" master "$link" up
        ip netns exec "$ns" sh -c 'echo 0 >"/proc/sys/net/ipv6/conf/$1/accept_dad"' sh "$link"
        for address in "$@"; do ip -n "$ns" address add "$address" dev "$link"; done
        ip -n "$ns" link set "$link" up
}

network_up() {
        local set machine link addresses destination via
        ip netns add "$(netns wire)"
        while read -r set machine link addresses; do
                # shellcheck disable=SC2086
                if is_up "$set"; then cable_up "$machine" "$link" $addresses; fi
        done <<<"$network_plan"
        while read -r set machine destination via; do
                if is_up "$set"; then ip -n "$(netns "$machine")" route add "$destination" via "$via"; fi
        done <<<"$routes"
        if is_up gateway; then
                forwards router
                router_up 203.0.113.10
        fi
        if is_up relay; then
                for machine in carrier cabinrouter flatrouter; do forwards $machine; done
                nat_up carrier internet cgnat
                nat_up cabinrouter cgnat cabinlan
                nat_up flatrouter internet flatlan
        fi
}

forwards() {
        ip netns exec "$(netns "$1")" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
                echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# What a router at home does: forwards ports to the house without hiding who asks, masquerades the way out,
# and lets the house reach itself by its public address.
router_up() {
        wire router nft -f - <<RULES
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

# nat_up ROUTER OUTSIDE INSIDE: nobody comes in; who goes out has the router's address, on IPv6 its own. From outside no
# private address is believed, and a carrier's customer has one of the carrier's (so a house that is not behind NAT is cut off).
nat_up() {
        wire "$1" nft -f - <<RULES
table inet router {
        chain forward {
                type filter hook forward priority filter; policy drop
                ct state established,related accept
                ip6 nexthdr icmpv6 accept
                iifname "cgnat" ip saddr != 100.64.0.0/10 drop
                iifname "$3" oifname "$2" accept
        }
        chain postrouting {
                type nat hook postrouting priority srcnat
                meta nfproto ipv4 oifname "$2" masquerade
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
