/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A folder beside the copy is filled, judged as what it then holds, and put in its place. */

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "hagw-ctl/conffolder.h"
#include "hagw-ctl/keep.h"
#include "hagw-ctl/readable.h"
#include "libhagw/conf.h"
#include "libhagw/state.h"

#define MAIN_FILE "hagw.conf"
#define HOSTS_FOLDER "hosts.d"

typedef struct Keep {
        const char *dir, *kept;
        char new[PATH_MAX];
        gid_t gid; /* who may read it, beside root */
} Keep;

static int join(char out[static PATH_MAX], const char *a, const char *b, const char *c) {
        return (size_t) snprintf(out, PATH_MAX, "%s/%s%s%s", a, b, c ? "/" : "", strempty(c)) < PATH_MAX ?
                       0 :
                       -ENAMETOOLONG;
}

static int is_drop_in(const struct dirent *e) {
        return e->d_name[0] != '.' && !!endswith(e->d_name, ".conf");
}

static int is_file(const struct dirent *e) {
        return !streq(e->d_name, ".") && !streq(e->d_name, "..");
}

static void free_entries(struct dirent **entries, int n) {
        assert(entries || n <= 0);
        for (int i = 0; i < n; i++)
                free(entries[i]);
        free(entries);
}

/* Its files; the folder may be missing. */
static int list(const char *dir, int (*wanted)(const struct dirent *e), struct dirent ***ret) {
        char path[PATH_MAX];
        int r;

        r = join(path, dir, HOSTS_FOLDER, NULL);
        if (r < 0)
                return r;
        r = scandir(path, ret, wanted, alphasort);
        if (r >= 0)
                return r;
        *ret = NULL;
        return errno == ENOENT ? 0 : -errno;
}

static int files_equal(const char *a, const char *b) {
        _cleanup_free_ char *x = NULL, *y = NULL;
        size_t n, m;
        int r;

        r = state_read(AT_FDCWD, a, &x, &n);
        if (r >= 0)
                r = state_read(AT_FDCWD, b, &y, &m);
        return r < 0 ? r : n == m && memcmp(x, y, n) == 0;
}

static int equal_in(const Keep *k, const char *folder, const char *name) {
        char a[PATH_MAX], b[PATH_MAX];
        int r;

        r = join(a, k->dir, folder, name);
        if (r >= 0)
                r = join(b, k->kept, folder, name);
        return r < 0 ? r : files_equal(a, b);
}

static bool is_kept(const Keep *k) {
        struct dirent **here = NULL, **there = NULL;
        int n = list(k->dir, is_drop_in, &here), m = list(k->kept, is_drop_in, &there);
        bool same = n >= 0 && n == m && equal_in(k, MAIN_FILE, NULL) > 0;

        for (int i = 0; same && i < n; i++)
                same = streq(here[i]->d_name, there[i]->d_name) &&
                       equal_in(k, HOSTS_FOLDER, here[i]->d_name) > 0;
        free_entries(here, n);
        free_entries(there, m);
        return same;
}

static int make_folder(const char *path) {
        const int r = conf_folder_make(path);

        return r == 0 ? -EEXIST : MIN(r, 0);
}

static int copy_file(const Keep *k, const char *folder, const char *name) {
        _cleanup_free_ char *text = NULL;
        char from[PATH_MAX], to[PATH_MAX];
        size_t size;
        int r;

        r = join(from, k->dir, folder, name);
        if (r >= 0)
                r = join(to, k->new, folder, name);
        if (r >= 0)
                r = state_read(AT_FDCWD, from, &text, &size);
        if (r < 0)
                return r;
        return geteuid() == 0 ? state_write_for_group(AT_FDCWD, to, text, size, 0640, k->gid) :
                                state_write(AT_FDCWD, to, text, size, 0640);
}

static int copy_all(const Keep *k) {
        struct dirent **entries = NULL;
        char path[PATH_MAX];
        int n, r;

        r = join(path, k->new, HOSTS_FOLDER, NULL);
        if (r >= 0)
                r = make_folder(k->new);
        if (r >= 0)
                r = make_folder(path);
        if (r >= 0)
                r = copy_file(k, MAIN_FILE, NULL);
        if (r < 0)
                return r;
        n = list(k->dir, is_drop_in, &entries);
        for (int i = 0; r >= 0 && i < n; i++)
                r = copy_file(k, HOSTS_FOLDER, entries[i]->d_name);
        free_entries(entries, n);
        return n < 0 ? n : r;
}

/* What a copy, or the half of one, consists of. */
static void remove_copy(const char *dir) {
        struct dirent **entries = NULL;
        char path[PATH_MAX];
        int n = list(dir, is_file, &entries);

        assert(entries || n <= 0);
        for (int i = 0; i < n; i++)
                if (join(path, dir, HOSTS_FOLDER, entries[i]->d_name) >= 0)
                        (void) unlink(path);
        free_entries(entries, n);
        if (join(path, dir, HOSTS_FOLDER, NULL) >= 0)
                (void) rmdir(path);
        if (join(path, dir, MAIN_FILE, NULL) >= 0)
                (void) unlink(path);
        if (join(path, dir, MAIN_FILE ".new", NULL) >= 0)
                (void) unlink(path);
        (void) rmdir(dir);
}

static int sync_folder(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int judge(const Keep *k, char **ret_error) {
        _cleanup_(config_freep) Config *c = NULL;
        int r;

        r = config_load(k->new, &c, ret_error);
        if (r >= 0)
                r = readable_check_cas(k->dir, c, ret_error);
        return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

static int put(const Keep *k, const char *parent) {
        int r;

        r = sync_folder(k->new);
        if (r >= 0 && renameat2(AT_FDCWD, k->new, AT_FDCWD, k->kept, RENAME_EXCHANGE) < 0)
                r = errno == ENOENT && rename(k->new, k->kept) >= 0 ? 0 : -errno;
        return r < 0 ? r : sync_folder(parent);
}

/* One at a time: several units may start at once. Closing it is the end. */
static int lock_parent(const char *parent) {
        const int r = conf_folder_make(parent);
        _cleanup_close_ int fd = -EBADF;

        if (r < 0)
                return r;
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int keep_config(const char *dir, const char *kept, char **ret_error) {
        _cleanup_free_ char *parent = NULL;
        _cleanup_(config_freep) Config *c = NULL;
        const struct group *g = getgrnam("hagw");
        Keep k = { .dir = dir, .kept = kept, .gid = g ? g->gr_gid : (gid_t) -1 };
        const char *slash = strrchr(kept, '/');
        _cleanup_close_ int lock = -EBADF;
        int r;

        *ret_error = NULL;
        if (!slash || slash == kept)
                return -EINVAL;
        if ((size_t) snprintf(k.new, sizeof(k.new), "%s.new", kept) >= sizeof(k.new))
                return -ENAMETOOLONG;
        parent = strndup(kept, (size_t) (slash - kept));
        if (!parent)
                return -ENOMEM;
        lock = lock_parent(parent);
        if (lock < 0)
                return lock;
        if (is_kept(&k))
                return 0;
        /* Told with the names of the files as they are; what is kept is judged once more. */
        r = config_load(dir, &c, ret_error);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        remove_copy(k.new);
        r = copy_all(&k);
        if (r >= 0)
                r = judge(&k, ret_error);
        if (r >= 0)
                r = put(&k, parent);
        remove_copy(k.new);
        return r < 0 ? r : 1;
}
