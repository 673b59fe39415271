# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a person types on the lab's machines, with the lab's authority in the place of Let's Encrypt.

# Its internet is made of the networks for documentation.
authority=(--directory https://acme.example.com:14000/dir --contact mailto:me@example.com --laboratory)
relay_zone=relay.example.com

# lab_setup MACHINE [CODE]
lab_setup() {
        local code=${2:-}
        case $1 in
        home)
                machine_run home hagw-ctl setup --yes --zone home.example.com --ipv4 resolve:house.dyn.example.com "${authority[@]}" &&
                        machine_run home hagw-ctl host add ha.home.example.com http://192.168.1.4:8123 &&
                        echo "correct horse" | machine_run home hagw-ctl user add anna --password-stdin ;;
        relay)
                machine_run relay hagw-ctl setup --yes --relay --zone $relay_zone --ipv4 static:203.0.113.20 \
                        --ipv6 static:2001:db8::20 "${authority[@]}" ;;
        cabin)
                attach cabin "${code:-$(tenant_add cabin)}" && open_house cabin 10.1.0.4 anna "correct horse" ;;
        flat)
                attach flat "${code:-$(tenant_add flat)}" && open_house flat 10.2.0.4 bert "battery staple" ;;
        *)      die "$1 is not set up by hand (home, relay, cabin, flat)" ;;
        esac
}

# tenant_add NAME: at the relay; prints the code that the house attaches with.
tenant_add() { machine_run relay hagw-ctl tenant add "$1" --json | sed -nE 's/.*"code" *: *"([^"]+)".*/\1/p'; }

# attach HOUSE CODE: in the house.
attach() { machine_run "$1" hagw-ctl attach $relay_zone "$2" --yes "${authority[@]}"; }

# open_house HOUSE SERVICE USER PASSWORD
open_house() {
        machine_run "$1" hagw-ctl host add "ha.$1.$relay_zone" "http://$2:8123" &&
                echo "$4" | machine_run "$1" hagw-ctl user add "$3" --password-stdin
}
