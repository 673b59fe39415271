# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# bash completion for hagw-ctl(8), which knows its words itself.
_hagw_ctl() {
        local words line
        # --option=value counts as one word, as hagw-ctl reads it.
        words=("${COMP_WORDS[@]:1:COMP_CWORD}")
        COMPREPLY=()
        while IFS= read -r line; do
                COMPREPLY+=("$line")
        done < <(hagw-ctl complete -- "${words[@]}" 2>/dev/null)
        case ${COMPREPLY[*]} in
        *=) compopt -o nospace ;;
        "") compopt -o default ;;
        esac
}
complete -F _hagw_ctl hagw-ctl
