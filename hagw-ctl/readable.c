/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the daemons can read what they are told to. */

#include <fcntl.h>
#include <gnutls/x509.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-ctl/readable.h"
#include "hagw-ctl/unset.h"
#include "libhagw/state.h"

static int refuse(char **ret_problem, int error, const char *format, ...) _printf_(3, 4);
static int refuse(char **ret_problem, int error, const char *format, ...) {
        va_list ap;

        errno = error;
        va_start(ap, format);
        if (vasprintf(ret_problem, format, ap) < 0)
                *ret_problem = NULL;
        va_end(ap);
        return -error;
}

static bool group_or_others_may(const struct stat *st, gid_t gid, mode_t others) {
        return st->st_mode & (st->st_gid == gid ? others << 3 : others);
}

/* Each folder on the way must let the daemons through. */
static int check_folders(const char *path, gid_t gid, char **ret_problem) {
        char folder[PATH_MAX];
        struct stat st;

        for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                (void) snprintf(folder, sizeof(folder), "%.*s", (int) (slash - path), path);
                if (stat(folder, &st) < 0)
                        return refuse(ret_problem, errno, "%s: %m", folder);
                if (!group_or_others_may(&st, gid, S_IXOTH))
                        return refuse(ret_problem, EBADMSG,
                                      "%s: the daemons are not let through %s; copy the file to a folder "
                                      "that everybody may enter",
                                      path, folder);
        }
        return 0;
}

/* A folder that is not there is nothing to read, and a draft may stand where nobody else looks. */
static int check_folder(const char *dir, const char *path, char **ret_problem) {
        const struct group *hagw = getgrnam("hagw");
        struct stat st;

        if (!unset_is_own(dir))
                return 0;
        if (stat(path, &st) < 0)
                return errno == ENOENT ? 0 : refuse(ret_problem, errno, "%s: %m", path);
        if (!hagw || (group_or_others_may(&st, hagw->gr_gid, S_IXOTH) &&
                      group_or_others_may(&st, hagw->gr_gid, S_IROTH)))
                return 0;
        return refuse(ret_problem, EBADMSG,
                      "%s: the daemons cannot look into it; chgrp hagw %s; chmod g+rx %s", path, path, path);
}

static int check_file(const char *path, char **ret_problem) {
        const struct group *hagw = getgrnam("hagw");
        struct stat st;

        if (stat(path, &st) < 0)
                return refuse(ret_problem, errno, "%s: %m", path);
        if (!hagw || group_or_others_may(&st, hagw->gr_gid, S_IROTH))
                return 0; /* without the group nothing is installed here whose eyes these could be */
        return refuse(ret_problem, EBADMSG, "%s: the daemons cannot read it; chgrp hagw %s; chmod g+r %s",
                      path, path, path);
}

int readable_check(const char *dir, const Config *config, char **ret_problem) {
        char path[PATH_MAX];
        int r;

        *ret_problem = NULL;
        if ((size_t) snprintf(path, sizeof(path), "%s/hagw.conf", dir) >= sizeof(path))
                return refuse(ret_problem, ENAMETOOLONG, "%s: %m", dir);
        r = check_folder(dir, dir, ret_problem);
        if (r >= 0)
                r = check_file(path, ret_problem);
        if (r >= 0 && (size_t) snprintf(path, sizeof(path), "%s/hosts.d", dir) < sizeof(path))
                r = check_folder(dir, path, ret_problem);
        for (size_t i = 0; r >= 0 && i < config->n_hosts; i++) {
                r = check_file(config->hosts[i].file, ret_problem);
                if (r != -ENOENT)
                        continue;
                /* It was read, and removed since. */
                free(*ret_problem);
                *ret_problem = NULL;
                r = 0;
        }
        return r;
}

static int check_certificates(const char *path, char **ret_problem) {
        _cleanup_free_ char *text = NULL;
        gnutls_x509_crt_t *list = NULL;
        unsigned n = 0;
        size_t size;
        int r;

        r = state_read(AT_FDCWD, path, &text, &size);
        if (r < 0)
                return refuse(ret_problem, -r, "%s: %m", path);
        r = gnutls_x509_crt_list_import2(&list, &n, &(gnutls_datum_t) { (uint8_t *) text, (unsigned) size },
                                         GNUTLS_X509_FMT_PEM, 0);
        if (r < 0)
                return refuse(ret_problem, EBADMSG, "%s contains no certificates in PEM form: %s", path,
                              gnutls_strerror(r));
        for (unsigned i = 0; i < n; i++)
                gnutls_x509_crt_deinit(list[i]);
        gnutls_free(list);
        return 0;
}

int readable_check_ca(const char *dir, const char *path, char **ret_problem) {
        static const char *const hidden[] = { "/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/" };
        const struct group *hagw = getgrnam("hagw");
        int r;

        *ret_problem = NULL;
        for (size_t i = 0; i < ELEMENTSOF(hidden) && streq(dir, HAGW_CONF_DIR); i++)
                if (startswith(path, hidden[i]))
                        return refuse(ret_problem, EBADMSG,
                                      "%s: the daemons' sandbox hides %s from them; copy the file to %s",
                                      path, hidden[i], dir);
        r = check_file(path, ret_problem);
        if (r >= 0 && hagw)
                r = check_folders(path, hagw->gr_gid, ret_problem);
        return r < 0 ? r : check_certificates(path, ret_problem);
}

int readable_check_cas(const char *dir, const Config *config, char **ret_problem) {
        int r = 0;

        *ret_problem = NULL;
        if (config->acme.first.ca_file)
                r = readable_check_ca(dir, config->acme.first.ca_file, ret_problem);
        if (r >= 0 && config->acme.fallback.ca_file)
                r = readable_check_ca(dir, config->acme.fallback.ca_file, ret_problem);
        for (size_t i = 0; r >= 0 && i < config->n_hosts; i++)
                if (config->hosts[i].tls.verify == CONF_VERIFY_CA)
                        r = readable_check_ca(dir, config->hosts[i].tls.ca_file, ret_problem);
        return r;
}
