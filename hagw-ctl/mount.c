/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel's list of mounts. statvfs(3) does not tell a mount that takes nothing from a file system that
 * takes nothing: the first is set by a person, the second is also what is left of a disk that failed. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hagw-ctl/mount.h"

/* Fields are apart by one space, and have none in them (a space in a name is \040). */
static const char *skip_fields(const char *p, size_t n) {
        while (p && n-- > 0) {
                p = strchr(p, ' ');
                p += !!p;
        }
        return p;
}

bool mount_is_read_only(FILE *mountinfo, uint64_t id) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        while (getline(&line, &size, mountinfo) > 0) {
                const char *options;

                if (strtoull(line, NULL, 10) != id)
                        continue;
                /* "36 35 98:0 /a /b rw,noatime master:1 - ext4 /dev/sda1 ro,errors=remount-ro" */
                options = skip_fields(strstr(line, " - "), 4);
                return options && strcspn(options, ",\n") == 2 && startswith(options, "ro");
        }
        return false;
}

bool mount_of_is_read_only(const char *path) {
        struct statx st = {};
        bool is;
        FILE *f;

        if (statx(AT_FDCWD, path, /* flags= */ 0, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
                return false;
        f = fopen("/proc/self/mountinfo", "re");
        if (!f)
                return false;
        is = mount_is_read_only(f, st.stx_mnt_id);
        (void) fclose(f);
        return is;
}
