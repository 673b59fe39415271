/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Is there anything set up on this machine? */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "hagw-ctl/unset.h"

const char unset_text[] = "hagw is not set up on this machine yet: hagw-ctl setup does so, or hagw-ctl "
                          "attach RELAY CODE in a house behind a relay.";

static const char *directory = HAGW_CONF_DIR;

void unset_use(const char *config_dir) { directory = config_dir; }

bool unset_judge(const Config *c, const char *config_dir) {
        char path[PATH_MAX];

        if (c)
                return c->n_zones == 0 && c->n_hosts == 0 && !c->relay.address && !c->tenants.zone;
        return (size_t) snprintf(path, sizeof(path), "%s/hagw.conf", config_dir) < sizeof(path) &&
               faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

UnsetLook unset_look(void) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *why = NULL;
        int r = config_load(directory, &config, &why);

        return r == -EACCES ? UNSET_HIDDEN : unset_judge(config, directory) ? UNSET_YES : UNSET_NO;
}
