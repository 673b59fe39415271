/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Control groups, version 2 (Documentation/admin-guide/cgroup-v2.rst): a group's memory.max holds for those
 * below it, too; "max" is none. Any thread. */

#include <stdio.h>
#include <sys/sysinfo.h>

#include "libhagw/memory.h"

#define GROUP_MAX 1024U /* bytes of a path */

/* The path below the hierarchy's root, "" for the root. */
static int read_group(const char *root, char ret[static GROUP_MAX]) {
        char path[GROUP_MAX], line[GROUP_MAX + 8];
        int r = -ENOENT;
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
        f = fopen(path, "re");
        if (!f)
                return -errno;
        while (r < 0 && fgets(line, sizeof(line), f)) {
                const char *group = startswith(line, "0::");

                if (!group)
                        continue;
                r = 0;
                (void) snprintf(ret, GROUP_MAX, "%.*s", (int) strcspn(group, "\n"), group);
        }
        (void) fclose(f);
        if (r >= 0 && streq(ret, "/"))
                *ret = '\0';
        return r;
}

static uint64_t read_max(const char *root, const char *group) {
        char path[2 * GROUP_MAX];
        unsigned long long n;
        FILE *f;
        int k;

        (void) snprintf(path, sizeof(path), "%s/sys/fs/cgroup%s/memory.max", root, group);
        f = fopen(path, "re");
        if (!f)
                return UINT64_MAX;
        k = fscanf(f, "%llu", &n);
        (void) fclose(f);
        return k == 1 ? n : UINT64_MAX;
}

static uint64_t machine_half(void) {
        struct sysinfo info;

        return sysinfo(&info) < 0 ? UINT64_MAX : (uint64_t) info.totalram * info.mem_unit / 2;
}

uint64_t memory_limit(const char *root) {
        uint64_t limit = UINT64_MAX;
        char group[GROUP_MAX];

        if (read_group(root, group) < 0)
                return machine_half();
        for (;;) {
                char *slash;

                limit = MIN(limit, read_max(root, group));
                slash = strrchr(group, '/');
                if (!slash)
                        break;
                *slash = '\0';
        }
        return limit < UINT64_MAX ? limit : machine_half();
}
