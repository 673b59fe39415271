/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Listed once: who reads the configuration, who keeps a copy of it and who shows what is broken in it go by
 * the same files. */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "libhagw/conf-files.h"
#include "libhagw/pure/macro.h"

static int is_host_file(const struct dirent *e) {
        return e->d_name[0] != '.' && !!endswith(e->d_name, ".conf");
}

int conf_each_host_file(const char *dir, ConfFileHandler handler, void *userdata) {
        struct dirent **entries = NULL;
        char path[PATH_MAX];
        int n, r = 0;

        if ((size_t) snprintf(path, sizeof(path), "%s/hosts.d", dir) >= sizeof(path))
                return -ENAMETOOLONG;
        n = scandir(path, &entries, is_host_file, alphasort);
        if (n < 0)
                return errno == ENOENT ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                if (r >= 0 && (size_t) snprintf(path, sizeof(path), "%s/hosts.d/%s", dir,
                                                entries[i]->d_name) >= sizeof(path))
                        r = -ENAMETOOLONG;
                if (r >= 0)
                        r = handler(path, entries[i]->d_name, userdata);
                free(entries[i]);
        }
        free(entries);
        return MIN(r, 0);
}
