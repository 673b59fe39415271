/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Durable small files. What fails is noted in statefault.c, for who asks how the daemon is. Any thread. */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "libhagw/state.h"
#include "libhagw/statefault.h"

#define PROBE_FILE "state.probe"

/* The directory that holds the entry; fsync on it makes renames and removals durable. */
static int sync_parent(int dir_fd, const char *name) {
        _cleanup_free_ char *parent = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *slash = strrchr(name, '/');

        parent = slash ? strndup(name, slash == name ? 1 : (size_t) (slash - name)) : strdup(".");
        if (!parent)
                return -ENOMEM;
        fd = openat(dir_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

static int write_all(int fd, const char *p, size_t n) {
        while (n > 0) {
                ssize_t k = write(fd, p, n);
                if (k < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                p += k;
                n -= (size_t) k;
        }
        return 0;
}

/* uid and gid: -1 leaves the file's owner or group as it comes. */
static int write_file(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, uid_t uid,
                      gid_t gid) {
        _cleanup_free_ char *tmp = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (asprintf(&tmp, "%s.new", name) < 0) {
                tmp = NULL;
                return -ENOMEM;
        }
        (void) unlinkat(dir_fd, tmp, 0);
        fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        r = (uid != (uid_t) -1 || gid != (gid_t) -1) && fchown(fd, uid, gid) < 0 ? -errno : 0;
        if (r >= 0 && fchmod(fd, mode) < 0)
                r = -errno;
        if (r >= 0)
                r = write_all(fd, data, size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && renameat(dir_fd, tmp, dir_fd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(dir_fd, tmp, 0);
                return r;
        }
        return sync_parent(dir_fd, name);
}

int state_write(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        const int r = write_file(dir_fd, name, data, size, mode, (uid_t) -1, (gid_t) -1);

        state_fault_note(name, size, r);
        return r;
}

int state_write_for_group(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
                          gid_t gid) {
        return write_file(dir_fd, name, data, size, mode, 0, gid);
}

int state_write_for(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, uid_t uid,
                    gid_t gid) {
        return write_file(dir_fd, name, data, size, mode, uid, gid);
}

int state_read(int dir_fd, const char *name, char **ret, size_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        size_t n = 0, size;

        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        if (st.st_size > (off_t) STATE_FILE_MAX)
                return -EFBIG;
        size = (size_t) st.st_size;
        data = malloc(size + 1);
        if (!data)
                return -ENOMEM;
        while (n < size) {
                ssize_t k = read(fd, data + n, size - n);
                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k == 0)
                        break;
                if (k > 0)
                        n += (size_t) k;
        }
        data[n] = '\0';
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = n;
        return 0;
}

int state_write_json(int dir_fd, const char *name, sd_json_variant *v, mode_t mode) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = sd_json_variant_format(v, SD_JSON_FORMAT_NEWLINE, &text);
        if (r < 0)
                return r;
        return state_write(dir_fd, name, text, strlen(text), mode);
}

int state_read_json(int dir_fd, const char *name, sd_json_variant **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = state_read(dir_fd, name, &text, &size);
        if (r < 0)
                return r;
        assert(text);
        if (strlen(text) != size)
                return -EBADMSG;
        r = sd_json_parse(text, /* flags= */ 0, ret, /* reterr_line= */ NULL, /* reterr_column= */ NULL);
        return r == -ENOMEM ? r : r < 0 ? -EBADMSG : 0;
}

int state_set_aside(int dir_fd, const char *name) {
        char aside[PATH_MAX];

        if ((size_t) snprintf(aside, sizeof(aside), "%s.broken", name) >= sizeof(aside))
                return -ENAMETOOLONG;
        if (renameat(dir_fd, name, dir_fd, aside) < 0)
                return -errno;
        return sync_parent(dir_fd, name);
}

static int remove_file(int dir_fd, const char *name) {
        if (unlinkat(dir_fd, name, 0) < 0)
                return errno == ENOENT ? 0 : -errno;
        return sync_parent(dir_fd, name);
}

int state_remove(int dir_fd, const char *name) {
        const int r = remove_file(dir_fd, name);

        state_fault_note(name, /* size= */ 0, r);
        return r;
}

int state_probe(const char *dir, size_t size) {
        _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *data = calloc(1, MAX(size, (size_t) 1));
        int r;

        if (fd < 0)
                return -errno;
        if (!data)
                return -ENOMEM;
        r = write_file(fd, PROBE_FILE, data, size, 0600, (uid_t) -1, (gid_t) -1);
        return r < 0 ? r : remove_file(fd, PROBE_FILE);
}
