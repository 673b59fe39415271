# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for hagw-ctl(8), which knows its words itself.
function __hagw_ctl_complete
        set -l words (commandline --tokenize --cut-at-cursor --current-process)
        hagw-ctl complete -- $words[2..] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command hagw-ctl --arguments '(__hagw_ctl_complete)'
