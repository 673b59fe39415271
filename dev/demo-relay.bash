# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The story of dev/demo --relay: a house behind a carrier's NAT, which nobody can connect to.

# dev/demo reads these.
# shellcheck disable=SC2034
title="hagw: a house without a public address opens its door at a relay"
# shellcheck disable=SC2034
machines=(relay cabin)
house=ha.cabin.relay.example.com
url=https://$house/
capture=$own/demo/relay.pcap

# tcpdump sees all that comes to and leaves port 443 of the relay; it is a process group of its own.
capture_start() {
        setsid "$src/dev/lab" wire relay tcpdump -i internet -s 0 -B 65536 --immediate-mode -U -w - "tcp port 443" \
                >"$capture" 2>"$logs/tcpdump.log" </dev/null &
        tcpdump=$!
}

story_end() {
        [ -z "${tcpdump:-}" ] || kill -- "-$tcpdump" 2>/dev/null
        tcpdump=
}

no_way_in() {
        local address
        for address in 203.0.113.30 100.64.0.2 10.1.0.2; do
                ! lab run visitor curl -s -k -m 1 "https://$address/" || return
        done
        lab run cabin ip -4 -brief address show scope global
        echo "the cabin's router has 100.64.0.2, the carrier 203.0.113.30: from outside all of them are silent"
}

relay_answers() {
        lab run visitor sh -c '
                for i in $(seq 300); do
                        openssl s_client -connect relay.example.com:443 -servername relay.example.com -alpn hagw-relay/1 \
                                -verify_return_error -verify_hostname relay.example.com </dev/null >/root/relay 2>&1 && break
                        sleep 0.2
                done
                a=$(kdig +short anything.cabin.relay.example.com A)
                echo "anything.cabin.relay.example.com is $a and $(kdig +short anything.cabin.relay.example.com AAAA)"
                echo "agents are shown$(openssl x509 -in /root/relay -noout -ext subjectAltName | tail -n 1 | tr -s " "):" \
                        "$(grep -m 1 Verification /root/relay), $(grep -m 1 "ALPN protocol" /root/relay)"
                [ "$a" = 203.0.113.20 ] && grep -q "ALPN protocol: hagw-relay/1" /root/relay'
}

tenant() {
        lab run relay hagw-ctl tenant add cabin >"$logs/tenant" && grep -E 'is a tenant now|hagw-ctl attach' "$logs/tenant"
}

attached() {
        lab setup cabin "$(sed -nE 's/^ *hagw-ctl attach [^ ]+ ([0-9A-Z-]+)$/\1/p' "$logs/tenant")"
}

certificate() {
        lab run visitor sh -c '
                for i in $(seq 300); do
                        openssl s_client -connect "$1:443" -servername "$1" -verify_return_error -verify_hostname "$1" \
                                </dev/null >/root/handshake 2>&1 && break
                        sleep 0.2
                done
                openssl x509 -in /root/handshake -noout -ext subjectAltName -enddate | tr -s " \n" " "
                grep -E "Verification|Verify return code: 0|New, TLS" /root/handshake | head -n 2 | paste -sd" "
                openssl x509 -in /root/handshake -noout -ext subjectAltName | grep -q "DNS:\*.cabin.relay.example.com"' sh "$house"
}

own_address() {
        visitor address "$url" anna "correct horse" 203.0.113.200 &&
                visitor address "$url" anna "correct horse" 2001:db8::200 &&
                lab run cabinha sh -c 'journalctl -b -u lab-ha -o cat | grep -E " (203.0.113.200|2001:db8::200) GET /lab/echo" | tail -n 2'
}

# What the visitor typed and read, looked for in all bytes that passed the relay. That the names are found says that the
# search works: a ClientHello is readable.
no_plaintext() {
        local word
        sleep 0.5
        [ "$(grep -c -a -F "$house" "$capture")" -gt 0 ] || { echo "tcpdump saw nothing"; return 1; }
        for word in "correct horse" "correct+horse" "correct%20horse" "holz und heu" "The house is fine" "Home Assistant" \
                "__Host-" "HTTP/1.1" "auth_ok"; do
                ! grep -q -a -F -- "$word" "$capture" || { echo "'$word' passed the relay readable"; return 1; }
        done
        echo "$(stat -c %s "$capture") bytes captured: the name of the host, and not one of the words that the visitor typed or read"
}

# The public keys of all private keys on a machine.
keys_of() {
        lab run "$1" sh -c 'grep -rl -- "PRIVATE KEY" /etc /var /run /root /home /srv 2>/dev/null | while read -r f; do
                base64 -w0 "$f"; echo; done' |
                lab run visitor sh -c 'while read -r key; do echo "$key" | base64 -d | openssl pkey -pubout -outform DER | sha256sum; done'
}

no_key() {
        local served in_house at_relay
        served=$(lab run visitor sh -c 'openssl x509 -in /root/handshake -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum')
        in_house=$(keys_of cabin) at_relay=$(keys_of relay)
        grep -qxF -- "$served" <<<"$in_house" || { echo "the house does not hold its key"; return 1; }
        ! grep -qxF -- "$served" <<<"$at_relay" || { echo "the relay holds the house's key"; return 1; }
        echo "the key of https://$house is in the house, and is none of the $(wc -l <<<"$at_relay") at the relay"
}

revoked() {
        local pid status
        : >"$logs/cut"
        visitor cut "$url" anna "correct horse" anna "holz und heu" >"$logs/cut" &
        pid=$!
        until grep -q open "$logs/cut"; do kill -0 $pid || return; sleep 0.1; done
        date +%s.%N >"$logs/revoked"
        lab run relay hagw-ctl tenant revoke cabin || return
        wait $pid; status=$?
        awk 'NR == FNR { revoked = $1; next } /^closed/ { late = $2 - revoked; ok = late < 1
                printf "the open WebSocket was cut %.0f ms after the verb was typed\n", late * 1000 } END { exit !ok }' \
                "$logs/revoked" "$logs/cut" && [ $status = 0 ]
}

tell() {
        step "a small internet, a relay, houses behind NAT; apt install" lab up relay
        show=1 step "nobody can connect to the cabin" no_way_in
        show=1 step "the relay is set up" lab setup relay
        show=2 step "its zone answers, and it has a certificate" relay_answers
        capture_start
        show=2 step "the relay's owner adds a tenant" tenant
        show=2 step "in the cabin: hagw-ctl attach CODE, host add, user add" attached
        show=2 step "the cabin's certificate, by DNS-01 published through the relay" certificate
        show=1 step "$url asks for the login" visitor page $url
        show=1 step "after the login the service answers" visitor login $url anna "correct horse"
        show=1 step "and so does its WebSocket" visitor websocket $url anna "correct horse" anna "holz und heu"
        show=2 step "the service sees the visitor's own addresses" own_address
        show=1 step "tcpdump at the relay saw no plaintext" no_plaintext
        show=1 step "the relay has no key of the house" no_key
        show=4 step "a scanner at the relay gets nothing" visitor silence https://nobody.relay.example.com/
        show=1 step "hagw-ctl tenant revoke cabin" revoked
}

try_next() {
        cat <<'NEXT'
  dev/lab setup flat                       a second house, behind another NAT, becomes a tenant
  dev/lab run relay hagw-ctl tenant list
  dev/lab run flat hagw-ctl status
  dev/lab wire relay tcpdump -ni internet tcp port 443
  dev/lab shell relay                      a shell at the relay; dev/lab shell cabin, one in the house
  dev/lab down                             ends it
NEXT
}
