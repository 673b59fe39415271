# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The story of dev/demo: a house with a public address.

# dev/demo reads these.
# shellcheck disable=SC2034
title="hagw: a house opens its door"
# shellcheck disable=SC2034
machines=(home)
url=https://ha.home.example.com/

delegation() {
        lab run visitor sh -c '
                for i in $(seq 100); do
                        a=$(kdig +short ha.home.example.com A)
                        [ "$a" = 203.0.113.10 ] && break
                        sleep 0.2
                done
                kdig +short home.example.com SOA
                echo "ha.home.example.com is $a, asked through the parent zone"
                [ "$a" = 203.0.113.10 ]'
}

certificate() {
        lab run visitor sh -c '
                for i in $(seq 300); do
                        openssl s_client -connect ha.home.example.com:443 -servername ha.home.example.com \
                                -verify_return_error -verify_hostname ha.home.example.com \
                                </dev/null >/root/handshake 2>&1 && break
                        sleep 0.2
                done
                openssl x509 -in /root/handshake -noout -ext subjectAltName -enddate | tr -s " \n" " "
                grep -E "Verification|Verify return code: 0|New, TLS" /root/handshake | head -n 2 | paste -sd" "
                openssl x509 -in /root/handshake -noout -ext subjectAltName | grep -q "DNS:\*.home.example.com"' &&
                lab run home hagw-ctl cert list
}

tell() {
        step "a small internet and a house, booted; apt install in the house" lab up
        show=3 step "hagw-ctl setup, host add, user add" lab setup
        show=1 step "the delegation answers" delegation
        show=3 step "a wildcard certificate by DNS-01, through hagw-dnsd" certificate
        show=1 step "$url asks for the login" visitor page $url
        show=1 step "after the login the service answers" visitor login $url anna "correct horse"
        show=1 step "and so does its WebSocket" visitor websocket $url anna "correct horse" anna "kaffee und kuchen"
        show=4 step "a scanner gets nothing" visitor silence $url
}

try_next() {
        cat <<'NEXT'
  dev/lab shell home                       a shell in the house; there: hagw-ctl status, hagw-ctl log
  dev/lab run visitor kdig ha.home.example.com
  dev/lab renumber 203.0.113.11            the provider gives the house another address
  dev/lab run home hagw-ctl host add music.home.example.com http://192.168.1.4:8123
  dev/lab down                             ends it
NEXT
}
