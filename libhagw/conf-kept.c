/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last good configuration, less what changed since. */

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "libhagw/conf-files.h"
#include "libhagw/conf-kept.h"
#include "libhagw/conf-parse.h"
#include "libhagw/state.h"

typedef struct Loading {
        const char *dir, *kept;
        Config *config;
        ConfKept result;
} Loading;

const char *config_kept_dir(const char *dir) {
        const char *other = secure_getenv("HAGW_KEPT_DIR");

        return other ?: streq(dir, HAGW_CONF_DIR) ? CONF_KEPT_DIR : NULL;
}

void config_kept_done(ConfKept *k) {
        for (size_t i = 0; k->closed[i]; i++)
                free(k->closed[i]);
        *k = (ConfKept) {};
}

static int close_host(Loading *l, const char *name, const char *why) {
        const size_t i = l->result.n_closed++;

        if (i >= CONF_KEPT_CLOSED_MAX)
                return 0;
        if (asprintf(&l->result.closed[i], "%s: %s", name, why) < 0) {
                l->result.closed[i] = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int path_in(const char *dir, const char *name, char out[static PATH_MAX]) {
        return (size_t) snprintf(out, PATH_MAX, "%s/hosts.d/%s", dir, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Takes the host that was parsed last out again, and says why. */
static int drop_last(Loading *l, const char *format, ...) _printf_(2, 3);
static int drop_last(Loading *l, const char *format, ...) {
        Config *c = l->config;
        char *why;
        va_list ap;
        int n, r;

        va_start(ap, format);
        n = vasprintf(&why, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        r = close_host(l, c->hosts[c->n_hosts - 1].name, why);
        free(why);
        config_drop_last_host(c);
        return r;
}

/* copy: the file in the copy. */
static int load_host(const char *copy, const char *name, void *userdata) {
        _cleanup_free_ char *text = NULL, *now = NULL, *error = NULL;
        char path[PATH_MAX];
        Loading *l = userdata;
        size_t size, now_size;
        int r;

        r = path_in(l->dir, name, path);
        if (r >= 0)
                r = state_read(AT_FDCWD, copy, &text, &size);
        if (r >= 0 && strlen(text) != size)
                r = -EBADMSG;
        if (r >= 0)
                r = config_parse_text(text, path, /* host= */ true, l->config, &error);
        if (r < 0)
                return r;
        r = state_read(AT_FDCWD, path, &now, &now_size);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                errno = -r;
                return drop_last(l, "%s cannot be read: %m", path);
        }
        if (now_size != size || memcmp(now, text, size) != 0)
                return drop_last(l, "%s was changed since", path);
        if (l->result.main && l->config->hosts[l->config->n_hosts - 1].access.login != CONF_LOGIN_REQUIRED)
                return drop_last(l, "it wants no login, and hagw.conf is broken");
        return 0;
}

static bool is_closed(const Loading *l, const char *host) {
        const size_t n = strlen(host);

        for (size_t i = 0; i < l->result.n_closed && i < CONF_KEPT_CLOSED_MAX; i++)
                if (startswith(l->result.closed[i], host) && l->result.closed[i][n] == ':')
                        return true;
        return false;
}

/* The file has another name now: its host is closed, for the reason that was found. */
static int holds_closed(const Loading *l, const char *path) {
        _cleanup_(config_freep) Config *alone = config_new();
        _cleanup_free_ char *ignored = NULL;
        int r;

        if (!alone)
                return -ENOMEM;
        r = config_load_file(path, /* host= */ true, alone, &ignored);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return alone->n_hosts > 0 && is_closed(l, alone->hosts[0].name);
}

/* A file that the copy does not have was never in force. */
static int note_new(const char *path, const char *name, void *userdata) {
        char copy[PATH_MAX];
        Loading *l = userdata;
        int r;

        r = path_in(l->kept, name, copy);
        if (r < 0 || access(copy, F_OK) >= 0)
                return r;
        r = holds_closed(l, path);
        return r != 0 ? MIN(r, 0) : close_host(l, path, "it was not in force before");
}

static int note_any(_unused_ const char *path, _unused_ const char *name, void *userdata) {
        *(bool *) userdata = true;
        return 0;
}

/* The folder, and not the last file in it. */
static int check_lost_hosts(const char *dir, const char *kept, char **ret_error) {
        char path[PATH_MAX];
        bool any = false;
        int r;

        r = path_in(dir, "", path);
        if (r < 0 || access(path, F_OK) >= 0 || errno != ENOENT)
                return r;
        if (conf_each_host_file(kept, note_any, &any) < 0 || !any)
                return 0;
        if (asprintf(ret_error,
                     "%s/hosts.d is gone, with the hosts in it; the last good one comes back by: cp -rp "
                     "%s/hosts.d %s/",
                     dir, kept, dir) < 0)
                *ret_error = NULL;
        return -EBADMSG;
}

static int check_lost_main(const char *dir, const char *kept, char **ret_error) {
        _cleanup_(config_freep) Config *before = config_new();
        _cleanup_free_ char *error = NULL;
        char path[PATH_MAX];
        int r;

        if ((size_t) snprintf(path, sizeof(path), "%s/hagw.conf", kept) >= sizeof(path))
                return -ENAMETOOLONG;
        if (!before)
                return -ENOMEM;
        r = config_load_file(path, /* host= */ false, before, &error);
        if (r < 0 || before->blank)
                return r == -ENOMEM ? r : 0;
        if (asprintf(ret_error,
                     "%s/hagw.conf:1: there is no setting in it any more (was a write interrupted?); the "
                     "last good one comes back by: cp -p %s %s/",
                     dir, path, dir) < 0)
                *ret_error = NULL;
        return -EBADMSG;
}

int config_check_lost(const Config *c, const char *dir, const char *kept, char **ret_error) {
        int r = 0;

        if (kept && c->blank)
                r = check_lost_main(dir, kept, ret_error);
        if (kept && r >= 0)
                r = check_lost_hosts(dir, kept, ret_error);
        return r;
}

static int load(Loading *l) {
        _cleanup_free_ char *error = NULL;
        char path[PATH_MAX];
        int r;

        l->config = config_new();
        if (!l->config)
                return -ENOMEM;
        if ((size_t) snprintf(path, sizeof(path), "%s/hagw.conf", l->result.main ? l->kept : l->dir) >=
            sizeof(path))
                return -ENAMETOOLONG;
        r = config_load_file(path, /* host= */ false, l->config, &error);
        if (r >= 0 && !l->result.main)
                r = config_check_lost(l->config, l->dir, l->kept, &error);
        if (r >= 0)
                r = conf_each_host_file(l->kept, load_host, l);
        if (r >= 0)
                /* Where that folder cannot be read no host of the copy is served either. */
                r = MAX(conf_each_host_file(l->dir, note_new, l), 0);
        free(error);
        error = NULL;
        return r < 0 ? r : config_check_whole(l->config, &error);
}

static int check_owner(const char *kept, uint64_t *ret_usec) {
        struct stat st;

        if (stat(kept, &st) < 0)
                return -errno;
        if (st.st_uid != 0 || st.st_mode & S_IWOTH)
                return -EPERM;
        *ret_usec = (uint64_t) st.st_mtim.tv_sec * USEC_PER_SEC;
        return 0;
}

int config_load_kept(const char *dir, const char *kept, Config **ret, ConfKept *ret_kept) {
        Loading l = { .dir = dir, .kept = kept };
        char path[PATH_MAX];
        uint64_t usec = 0;
        int r;

        if (!kept)
                return -ENOENT;
        if ((size_t) snprintf(path, sizeof(path), "%s/hagw.conf", dir) >= sizeof(path))
                return -ENAMETOOLONG;
        /* In a folder that may not be entered it is, for all that anybody knows. */
        if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno != EACCES)
                return -errno;
        r = check_owner(kept, &usec);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < 2; i++) {
                l.result.main = i > 0;
                r = load(&l);
                if (r >= 0 || r == -ENOMEM)
                        break;
                l.config = config_free(l.config);
                config_kept_done(&l.result);
        }
        if (r < 0) {
                config_free(l.config);
                config_kept_done(&l.result);
                return r;
        }
        l.result.usec = usec;
        *ret = l.config;
        *ret_kept = l.result;
        return 0;
}
