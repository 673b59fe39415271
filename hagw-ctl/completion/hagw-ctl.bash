# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# bash completion for hagw-ctl(8), which knows its words itself.
_hagw_ctl() {
        local words=() word line joined=
        # readline splits at = and :, hagw-ctl reads --option=value as one word. What is replaced is the last
        # part alone.
        for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
                if [[ $word == [=:]* && ${#words[@]} -gt 0 ]] || [[ $joined ]]; then
                        words[-1]+=$word
                else
                        words+=("$word")
                fi
                joined=
                [[ $word != *[=:] ]] || joined=yes
        done
        COMPREPLY=()
        while IFS= read -r line; do
                [[ ${words[-1]} != --*=* ]] || line=${line#--*=}
                COMPREPLY+=("$line")
        done < <(hagw-ctl complete -- "${words[@]}" 2>/dev/null)
        case ${COMPREPLY[*]} in
        *=) compopt -o nospace ;;
        "") compopt -o default ;;
        esac
}
complete -F _hagw_ctl hagw-ctl
