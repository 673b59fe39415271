/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the files of the configuration as such: who may change and read them, whether the
 * folder of the hosts is there, and whether there is a host. */

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hagw-ctl/status.h"

#define MORE_TEXT_MAX 40U /* " (and 18446744073709551615 more)" */

/* Whoever may write says who gets in. */
typedef struct Files {
        char first[PATH_MAX], who[80];
        size_t n;
} Files;

static void note(Files *w, const char *path, const char *who) {
        if (w->n++ > 0)
                return;
        (void) snprintf(w->first, sizeof(w->first), "%s", path);
        (void) snprintf(w->who, sizeof(w->who), "%s", who);
}

/* Whose it is can write it whatever its mode is. Who looks at what is his own knows. */
static void look_at_owner(Files *w, const char *path, const struct stat *st) {
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

static void look_at_mode(Files *w, const char *path, const struct stat *st, const struct group *daemons) {
        if (st->st_mode & S_IWOTH)
                note(w, path, "everybody on this machine");
        else if (st->st_mode & S_IWGRP && daemons && st->st_gid == daemons->gr_gid)
                note(w, path, "hagw's daemons");
}

/* Each folder above lets them through. */
static bool is_open_to_all(const char *path) {
        char real[PATH_MAX];
        struct stat st;

        if (!realpath(path, real))
                return false;
        for (char *slash = strrchr(real, '/'); slash; slash = strrchr(real, '/')) {
                *slash = '\0';
                if (stat(*real ? real : "/", &st) < 0 || !(st.st_mode & S_IXOTH))
                        return false;
        }
        return true;
}

static void look_at_readers(Files *w, const char *path, const struct stat *st) {
        if (S_ISREG(st->st_mode) && st->st_mode & S_IROTH && is_open_to_all(path))
                note(w, path, "everybody on this machine");
}

static const char *more_text(const Files *w, char out[static MORE_TEXT_MAX]) {
        *out = '\0';
        if (w->n > 1)
                (void) snprintf(out, MORE_TEXT_MAX, " (and %zu more)", w->n - 1);
        return out;
}

static void tell_owner(Status *s, const Files *w) {
        char more[MORE_TEXT_MAX];

        if (w->n > 0)
                status_problem(s,
                               "%s%s can be changed by %s, and with it who gets in here: chown -R root %s",
                               w->first, more_text(w, more), w->who, s->config_dir);
}

/* As the package makes them: the daemons are the group, and what they could read as everybody they read as
 * that. */
static void tell_mode(Status *s, const Files *w, bool writable, const struct group *daemons) {
        const char *chgrp = daemons ? "chgrp -R hagw " : "", *folder = daemons ? s->config_dir : "",
                   *then = daemons ? "; " : "";
        char more[MORE_TEXT_MAX];

        if (w->n > 0 && writable)
                status_problem(s,
                               "%s%s can be changed by %s, and with it who gets in here: %s%s%schmod -R "
                               "g=rX,o= %s",
                               w->first, more_text(w, more), w->who, chgrp, folder, then, s->config_dir);
        else if (w->n > 0)
                status_notice(s,
                              "%s%s can be read by everybody on this machine, and with it what hagw knows "
                              "of this house: %s%s%schmod -R g=rX,o= %s",
                              w->first, more_text(w, more), chgrp, folder, then, s->config_dir);
}

static int judge_modes(Status *s) {
        static const char *const names[] = { "", "/hagw.conf", "/hosts.d" };
        _cleanup_free_ Files *by_mode = calloc(1, sizeof(*by_mode)),
                             *by_owner = calloc(1, sizeof(*by_owner)),
                             *readable = calloc(1, sizeof(*readable));
        const struct group *daemons = getgrnam("hagw");
        const size_t n_hosts = s->config ? s->config->n_hosts : 0;
        char path[PATH_MAX];
        struct stat st;

        if (!by_mode || !by_owner || !readable)
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
                look_at_readers(readable, path, &st);
        }
        tell_mode(s, by_mode, /* writable= */ true, daemons);
        tell_owner(s, by_owner);
        if (by_mode->n == 0) /* else that remedy is this one, too */
                tell_mode(s, readable, /* writable= */ false, daemons);
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
        return judge_modes(s);
}
