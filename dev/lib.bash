# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the scripts in dev/ share: where things are, how they speak, what they need from the host.
# A script sets `self` before it reads this file.

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The images may be shared by several checkouts; what is made from one checkout's sources stays in that checkout.
cache=${HAGW_CACHE:-$src/.cache}
own=$src/.cache

self=${self:-dev}
say() { echo "$self: $*" >&2; }
die() { say "$*"; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || die "$1 needs root (try: sudo $self $1)"; }

# Installs what a Debian host lacks; COMMAND:PACKAGE, one each.
host_tools() {
        local pair missing=()
        for pair in "$@"; do
                command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
        done
        [ ${#missing[@]} -gt 0 ] || return 0
        command -v apt-get >/dev/null || die "this host lacks ${missing[*]}, and apt-get to install it with"
        need_root "installing ${missing[*]}"
        say "installing ${missing[*]}"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
                "${missing[@]}"; } >"$own/host-tools.log" 2>&1 || {
                tail -n 10 "$own/host-tools.log" >&2
                die "could not install ${missing[*]} (log: $own/host-tools.log)"
        }
}

mkdir -p "$cache" "$own"
