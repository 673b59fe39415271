/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Folders of the configuration. */

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hagw-ctl/conffolder.h"
#include "libhagw/pure/macro.h"

#define MODE 0750

int conf_folder_make(const char *path) {
        const struct group *hagw = geteuid() == 0 ? getgrnam("hagw") : NULL;

        if (mkdir(path, MODE) < 0)
                return errno == EEXIST ? 0 : -errno;
        /* Whatever the umask is. */
        if ((hagw && chown(path, (uid_t) -1, hagw->gr_gid) < 0) || chmod(path, MODE) < 0)
                return -errno;
        return 1;
}
