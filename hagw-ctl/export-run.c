/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One export: the key comes from hagw-keyd's own file, which root may read, since that daemon has no method
 * that gives a key away. It is in this process until it is written. */

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-ctl/certfiles.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/exports.h"
#include "hagw-ctl/prompt.h"
#include "libhagw/child.h"
#include "libhagw/pure/reason.h"
#include "libhagw/state.h"
#include "libhagw/usec.h"

#define CHAIN_MODE 0644
#define OTHERS_MAY_WRITE (S_IWGRP | S_IWOTH)

static int find_owner(const char *owner, uid_t *ret_uid, gid_t *ret_gid, char **ret_error) {
        const char *colon = owner ? strchr(owner, ':') : NULL;
        _cleanup_free_ char *user = owner ? strndup(owner, colon ? (size_t) (colon - owner) : strlen(owner))
                                          : strdup("");
        const struct passwd *p;
        const struct group *g;

        if (!user)
                return -ENOMEM;
        *ret_uid = geteuid();
        *ret_gid = getegid();
        if (*user) {
                p = getpwnam(user);
                if (!p)
                        return reason_give(ret_error, -EIO, "there is no user %s", user);
                *ret_uid = p->pw_uid;
                *ret_gid = p->pw_gid;
        }
        if (colon) {
                g = getgrnam(colon + 1);
                if (!g)
                        return reason_give(ret_error, -EIO, "there is no group %s", colon + 1);
                *ret_gid = g->gr_gid;
        }
        return 0;
}

/* Nobody but root, and in the folder itself the owner to be, may put another in its place. */
static int judge_folder(const char *path, size_t length, const struct stat *st, bool last, uid_t uid,
                        char **ret_error) {
        const bool own = st->st_uid == 0 || st->st_uid == geteuid() || (last && st->st_uid == uid);
        const bool open = (st->st_mode & OTHERS_MAY_WRITE) && (last || !(st->st_mode & S_ISVTX));

        if (own && !open)
                return 0;
        return reason_give(ret_error, -EIO, "%.*s can be changed by others than %s, who would get the key",
                           (int) MAX(length, 1U), path, last ? "root and the owner" : "root");
}

/* Step by step, so that what was judged is what is opened. path: as realpath(3) has it. */
static int open_folder(const char *path, uid_t uid, int *ret, char **ret_error) {
        _cleanup_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const char *p = path;
        struct stat st;
        int r;

        if (fd < 0)
                return -errno;
        for (;;) {
                char name[NAME_MAX + 1];
                size_t n;
                int next;

                p += strspn(p, "/");
                if (fstat(fd, &st) < 0)
                        return -errno;
                r = judge_folder(path, (size_t) (p - path), &st, *p == '\0', uid, ret_error);
                if (r < 0)
                        return r;
                if (*p == '\0')
                        break;
                n = strcspn(p, "/");
                if (n >= sizeof(name))
                        return -ENAMETOOLONG;
                memcpy(name, p, n);
                name[n] = '\0';
                next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return reason_give(ret_error, -EIO, "%.*s could not be opened: %s",
                                           (int) (p + n - path), path, strerror(errno));
                safe_close(fd);
                fd = next;
                p += n;
        }
        *ret = TAKE_FD(fd);
        return 0;
}

static sd_json_variant *find(sd_json_variant *certificates, const char *name) {
        for (size_t i = 0; i < field_count(certificates, "certificates"); i++) {
                sd_json_variant *c = field_element(certificates, "certificates", i);

                if (streq(strempty(field_text(c, "name")), name))
                        return c;
        }
        return NULL;
}

/* The file is PEM behind a few lines; only a key for certificates is taken, and only this one's. */
static int read_key(const char *keys, const char *id, const char *chain, char **ret, char **ret_error) {
        _cleanup_certfiles_ CertFiles f = {};
        char path[PATH_MAX], *text;
        size_t size;
        int r;

        if (strchr(id, '/') || (size_t) snprintf(path, sizeof(path), "%s/%s.key", keys, id) >= sizeof(path))
                return -EINVAL;
        r = state_read(AT_FDCWD, path, &text, &size);
        if (r < 0)
                return reason_give(ret_error, -EIO, "hagw-keyd's file of the key could not be read: %s",
                                   strerror(-r));
        r = startswith(text, "Purpose: tls\n") ? certfiles_add(&f, text, size, NULL) : -EBADMSG;
        explicit_bzero(text, size);
        free(text);
        if (r >= 0)
                r = certfiles_add(&f, chain, strlen(chain), NULL);
        if (r >= 0)
                r = certfiles_sort(&f);
        if (r >= 0)
                r = certfiles_key_to_pem(&f, ret);
        return r >= 0 || r == -ENOMEM ? r : reason_give(ret_error, -EIO,
                                                        "hagw-keyd's file holds another key");
}

static int write_files(const Export *e, const char *chain, const char *key, char **ret_error) {
        _cleanup_close_ int fd = -EBADF;
        uid_t uid;
        gid_t gid;
        int r;

        r = find_owner(e->owner, &uid, &gid, ret_error);
        if (r >= 0)
                r = open_folder(e->directory, uid, &fd, ret_error);
        if (r < 0)
                return r;
        r = state_write_for(fd, EXPORT_KEY_FILE, key, strlen(key), (mode_t) e->mode, uid, gid);
        if (r >= 0)
                r = state_write_for(fd, EXPORT_CHAIN_FILE, chain, strlen(chain), CHAIN_MODE, uid, gid);
        if (r >= 0 || r == -ENOMEM)
                return r;
        return reason_give(ret_error, -EIO, "the files could not be written: %s", strerror(-r));
}

static int run_command(const Export *e, char **ret_error) {
        const char *const argv[] = { "/bin/sh", "-c", e->command, NULL };
        _cleanup_free_ char *said = NULL, *environment = NULL;
        int r;

        if (!e->command)
                return 0;
        if (asprintf(&environment, "HAGW_CERTIFICATE=%s", e->certificate) < 0) {
                environment = NULL;
                return -ENOMEM;
        }
        r = child_run(argv, environment, "", CHILD_TIMEOUT_USEC, &said);
        if (r >= 0 || r == -ENOMEM)
                return r;
        return reason_give(ret_error, -EIO, "the command \"%s\" failed: %s", e->command, said);
}

static int hash(const char *chain, char ret[static 65]) {
        uint8_t digest[32];

        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, chain, strlen(chain), digest) < 0)
                return -EIO;
        for (size_t i = 0; i < sizeof(digest); i++)
                (void) sprintf(ret + 2 * i, "%02x", digest[i]);
        return 0;
}

int export_run(const Export *e, sd_json_variant *certificates, const char *keys, bool always,
               char ret_chain[static 65], char **ret_error) {
        sd_json_variant *c = find(certificates, e->certificate);
        const char *chain = field_text(c, "chain"), *id = field_text(c, "keyId");
        _cleanup_(password_freep) char *key = NULL;
        int r;

        *ret_error = NULL;
        if (!c)
                return reason_give(ret_error, -EIO, "there is no such certificate any more");
        if (!chain || !id)
                return reason_give(ret_error, -EIO, "it has no certificate yet");
        r = hash(chain, ret_chain);
        if (r < 0)
                return r;
        if (!always && !e->error && streq(strempty(e->chain), ret_chain) && export_stands(e) > 0)
                return 0;
        r = read_key(keys, id, chain, &key, ret_error);
        if (r >= 0)
                r = write_files(e, chain, key, ret_error);
        if (r >= 0)
                r = run_command(e, ret_error);
        return r < 0 ? r : 1;
}
