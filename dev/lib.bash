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

# usage WORD: prints what stands at the head of the script; a word that is none of its verbs is named.
usage() {
        case ${1:-} in
        "" | -h | --help)
                sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"
                [ -n "${1:-}" ] && exit 0 ;;
        *) say "there is no '$1' ($(grep -oP "^#   $self \K(--)?[a-z]+" "$0" | sort -u | paste -sd' '); $self --help)" ;;
        esac
        exit 2
}

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

# [suite=SUITE] make_image ROOT LOG PACKAGES [MMDEBSTRAP-OPTION…]: a Debian (13, unless suite says which) in ROOT, whole or not
# at all. Packages fetched once are kept beside it, so that the next one is made from disk.
# shellcheck disable=SC2016
make_image() {
        local root=$1 log=$2 packages=$3 started=$SECONDS suite=${suite:-trixie} name="Debian 13"
        shift 3
        [ "$suite" = trixie ] || name="Debian $suite"
        host_tools mmdebstrap:mmdebstrap
        say "making the $name in $root (log: $log)"
        mkdir -p "$cache/apt"
        rm -rf "$root" "$root.new"
        trap 'trap - INT TERM; kill %% 2>/dev/null; wait; rm -rf "$root.new"; die "interrupted"' INT TERM
        mmdebstrap --variant=minbase --include="$packages" --aptopt='Apt::Install-Recommends "false"' \
                --skip=download/empty --skip=essential/unlink --skip=cleanup/apt \
                --setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
                --setup-hook='cp -al "'"$cache"'"/apt/*.deb "$1/var/cache/apt/archives/" 2>/dev/null || :' \
                --customize-hook='cp -aln "$1"/var/cache/apt/archives/*.deb "'"$cache"'/apt/" || :' \
                --customize-hook='rm -f "$1"/var/cache/apt/archives/*.deb; mkdir -p "$1/hagw"' \
                "$@" "$suite" "$root.new" >"$log" 2>&1 9>&- &
        wait $! || { tail -n 15 "$log" >&2; rm -rf "$root.new"; die "mmdebstrap failed, see $log"; }
        trap - INT TERM
        mv "$root.new" "$root"
        say "made in $((SECONDS - started)) s"
}

# What belongs to the tree and is there: what git knows or would add; without git everything outside the ignored folders.
list_files() {
        local f
        { git -C "$src" ls-files --cached --others --exclude-standard --deduplicate 2>/dev/null ||
                (cd "$src" && find . -type f ! -path './.cache/*' ! -path './build*' -printf '%P\n'); } |
                while read -r f; do if [ -f "$src/$f" ]; then echo "$f"; fi; done
}

# Names and contents of what packages are made of; all else may change without new ones.
package_stamp() {
        (cd "$src" && list_files | grep -vE '^(dev|bench|[.]ci|tests/(component|ha|lab|system))/' | xargs -d '\n' sha256sum) |
                sha256sum | cut -d' ' -f1
}

mkdir -p "$cache" "$own"
