/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the files of the configuration as such: who may change them, whether the folder of
 * the hosts is there, and whether there is a host. */

#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-ctl/status.h"

/* Whoever may write says who gets in. */
typedef struct Writable {
        char first[PATH_MAX];
        size_t n;
        const char *who;
} Writable;

static void look(Writable *w, const char *path, const struct group *daemons) {
        struct stat st;
        const char *who;

        if (stat(path, &st) < 0)
                return; /* which is told elsewhere */
        if (st.st_mode & S_IWOTH)
                who = "everybody on this machine";
        else if (st.st_mode & S_IWGRP && daemons && st.st_gid == daemons->gr_gid)
                who = "hagw's daemons";
        else
                return;
        if (w->n++ == 0) {
                (void) snprintf(w->first, sizeof(w->first), "%s", path);
                w->who = who;
        }
}

static int judge_writable(Status *s) {
        static const char *const names[] = { "", "/hagw.conf", "/hosts.d" };
        _cleanup_free_ Writable *w = calloc(1, sizeof(*w));
        const struct group *daemons = getgrnam("hagw");
        char path[PATH_MAX], more[40] = "";

        if (!w)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if ((size_t) snprintf(path, sizeof(path), "%s%s", s->config_dir, names[i]) < sizeof(path))
                        look(w, path, daemons);
        for (size_t i = 0; s->config && i < s->config->n_hosts; i++)
                look(w, s->config->hosts[i].file, daemons);
        if (w->n > 1)
                (void) snprintf(more, sizeof(more), " (and %zu more)", w->n - 1);
        if (w->n > 0)
                status_problem(s,
                               "%s%s can be changed by %s, and with it who gets in here: chmod -R go-w %s",
                               w->first, more, w->who, s->config_dir);
        return 0;
}

/* Where the copy has hosts the configuration is not valid without it (config_check_lost()). */
static bool hosts_folder_is_gone(const Status *s) {
        char path[PATH_MAX];

        return (size_t) snprintf(path, sizeof(path), "%s/hosts.d", s->config_dir) < sizeof(path) &&
               access(path, F_OK) < 0 && errno == ENOENT;
}

static void judge_no_host(Status *s) {
        if (!s->config || s->unset || s->config->n_hosts > 0 || s->config->n_zones == 0)
                return;
        if (hosts_folder_is_gone(s))
                status_problem(s,
                               "There is no %s/hosts.d, in which hosts have their files: hagw-ctl host add "
                               "makes it, or a backup brings it back.",
                               s->config_dir);
        else if (!s->config->tenants.zone)
                status_notice(s, "There is no host, so that visitors find nothing here: hagw-ctl host add "
                                 "ha http://192.168.1.4:8123");
}

int judge_files(Status *s) {
        judge_no_host(s);
        return judge_writable(s);
}
