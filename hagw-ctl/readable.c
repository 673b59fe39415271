/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the daemons can read what they are told to. */

#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "log.h"
#include "readable.h"

static int check_file(const char *path) {
        const struct group *hagw = getgrnam("hagw");
        struct stat st;

        if (stat(path, &st) < 0)
                return log_error_errno(errno, "%s: %m", path);
        if ((st.st_mode & S_IROTH) || (hagw && st.st_gid == hagw->gr_gid && (st.st_mode & S_IRGRP)))
                return 0;
        if (!hagw)
                return 0; /* nothing is installed here whose eyes these could be */
        log_error("%s: the daemons cannot read it; chgrp hagw %s; chmod g+r %s", path, path, path);
        return -EACCES;
}

int readable_check(const char *dir, const Config *config) {
        char path[PATH_MAX];
        int r;

        if ((size_t) snprintf(path, sizeof(path), "%s/hagw.conf", dir) >= sizeof(path))
                return -ENAMETOOLONG;
        r = check_file(path);
        for (size_t i = 0; r >= 0 && i < config->n_hosts; i++) {
                const ConfHost *h = &config->hosts[i];

                r = check_file(h->file);
                if (r >= 0 && h->tls.verify == CONF_VERIFY_CA && h->tls.ca_file)
                        r = check_file(h->tls.ca_file);
        }
        return r;
}
