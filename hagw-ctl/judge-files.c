/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the files of the configuration as such: who may change them, whether the folder of
 * the hosts is there, and whether there is a host. */

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hagw-ctl/status.h"

/* Whoever may write says who gets in. */
typedef struct Writable {
        char first[PATH_MAX], who[80];
        size_t n;
} Writable;

static void note(Writable *w, const char *path, const char *who) {
        if (w->n++ > 0)
                return;
        (void) snprintf(w->first, sizeof(w->first), "%s", path);
        (void) snprintf(w->who, sizeof(w->who), "%s", who);
}

/* Whose it is can write it whatever its mode is. Who looks at what is his own knows. */
static void look_at_owner(Writable *w, const char *path, const struct stat *st) {
        const struct passwd *owner;
        char who[sizeof(w->who)];

        if (st->st_uid == 0 || st->st_uid == geteuid())
                return;
        owner = getpwuid(st->st_uid);
        if (owner)
                (void) snprintf(who, sizeof(who), "its owner, %s", owner->pw_name);
        else
                (void) snprintf(who, sizeof(who), "its owner, the user %u", (unsigned) st->st_uid);
        note(w, path, who);
}

static void look_at_mode(Writable *w, const char *path, const struct stat *st, const struct group *daemons) {
        if (st->st_mode & S_IWOTH)
                note(w, path, "everybody on this machine");
        else if (st->st_mode & S_IWGRP && daemons && st->st_gid == daemons->gr_gid)
                note(w, path, "hagw's daemons");
}

static void tell(Status *s, const Writable *w, const char *remedy) {
        char more[40] = "";

        if (w->n > 1)
                (void) snprintf(more, sizeof(more), " (and %zu more)", w->n - 1);
        if (w->n > 0)
                status_problem(s, "%s%s can be changed by %s, and with it who gets in here: %s %s", w->first,
                               more, w->who, remedy, s->config_dir);
}

static int judge_writable(Status *s) {
        static const char *const names[] = { "", "/hagw.conf", "/hosts.d" };
        _cleanup_free_ Writable *by_mode = calloc(1, sizeof(*by_mode)),
                                *by_owner = calloc(1, sizeof(*by_owner));
        const struct group *daemons = getgrnam("hagw");
        const size_t n_hosts = s->config ? s->config->n_hosts : 0;
        char path[PATH_MAX];
        struct stat st;

        if (!by_mode || !by_owner)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(names) + n_hosts; i++) {
                if (i < ELEMENTSOF(names))
                        (void) snprintf(path, sizeof(path), "%s%s", s->config_dir, names[i]);
                else
                        (void) snprintf(path, sizeof(path), "%s",
                                        s->config->hosts[i - ELEMENTSOF(names)].file);
                if (stat(path, &st) < 0)
                        continue; /* which is told elsewhere */
                look_at_mode(by_mode, path, &st, daemons);
                look_at_owner(by_owner, path, &st);
        }
        tell(s, by_mode, "chmod -R go-w");
        tell(s, by_owner, "chown -R root");
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
