/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files of hosts under another name, so that they are none of the configuration. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "hagw-ctl/hostaside.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

DEFINE_VOID_CLEANUP_FUNC(DIR *, closedir)

static bool has_direct_zone(const Config *config) {
        for (size_t i = 0; i < config->n_zones; i++)
                if (config->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return false;
}

static const ConfZone *find_zone(const Config *config, const char *name) {
        return config_find_zone(config, startswith(name, "*.") ?: name);
}

bool host_is_the_relays(const Config *config, const ConfHost *host) {
        const ConfZone *z = find_zone(config, host->name);

        return z ? z->via == CONF_VIA_RELAY : !has_direct_zone(config);
}

static int rename_host(const char *from, const char *to) {
        _cleanup_free_ char *folder = strndup(from, (size_t) (strrchr(from, '/') - from));
        _cleanup_close_ int fd = -EBADF;

        if (!folder)
                return log_oom();
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
                return log_error_errno(errno, "%s could not be renamed to %s: %m", from, to);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                (void) fsync(fd);
        return 0;
}

int hosts_set_aside(const Config *config, size_t *ret) {
        *ret = 0;
        for (size_t i = 0; i < config->n_hosts; i++) {
                _cleanup_free_ char *aside = NULL;
                int r;

                if (!host_is_the_relays(config, &config->hosts[i]))
                        continue;
                if (asprintf(&aside, "%s" ASIDE_SUFFIX "%s", config->hosts[i].file,
                             find_zone(config, config->hosts[i].name) ? "" : ASIDE_ELSEWHERE) < 0) {
                        aside = NULL;
                        return log_oom();
                }
                /* One of an earlier time is older than this. */
                r = state_remove(AT_FDCWD, aside);
                if (r < 0)
                        return log_error_errno(r, "%s could not be removed: %m", aside);
                r = rename_host(config->hosts[i].file, aside);
                if (r < 0)
                        return r;
                ++*ret;
        }
        return 0;
}

/* What a file that was set aside is about is the relay's as it was then, and no other file is about it. A
 * broken one is left where it is. */
static bool may_come_back(const char *path, const char *text, bool elsewhere, const Config *config) {
        _cleanup_(config_freep) Config *alone = config_new();
        _cleanup_free_ char *error = NULL;
        const ConfHost *host;

        if (!alone || config_parse_text(text, path, /* host= */ true, alone, &error) < 0 ||
            alone->n_hosts != 1)
                return false;
        host = &alone->hosts[0];
        if (!host_is_the_relays(config, host) || elsewhere == !!find_zone(config, host->name))
                return false;
        for (size_t i = 0; i < config->n_hosts; i++)
                if (streq(config->hosts[i].name, host->name))
                        return false;
        return true;
}

static int take_back(const char *folder, const char *file, bool elsewhere, const Config *config, size_t *n) {
        _cleanup_free_ char *aside = NULL, *path = NULL, *text = NULL;
        int r;

        if (asprintf(&aside, "%s/%s", folder, file) < 0) {
                aside = NULL;
                return log_oom();
        }
        path = strndup(aside, strlen(aside) -
                                      strlen(elsewhere ? ASIDE_SUFFIX ASIDE_ELSEWHERE : ASIDE_SUFFIX));
        if (!path)
                return log_oom();
        r = state_read(AT_FDCWD, aside, &text, NULL);
        if (r < 0)
                return log_error_errno(r, "%s could not be read: %m", aside);
        if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0 ||
            !may_come_back(path, text, elsewhere, config))
                return 0;
        r = rename_host(aside, path);
        *n += r >= 0;
        return r;
}

int hosts_take_back(const char *config_dir, const Config *config, size_t *ret) {
        _cleanup_(closedirp) DIR *d = NULL;
        _cleanup_free_ char *folder = NULL;
        struct dirent *entry;

        *ret = 0;
        if (asprintf(&folder, "%s/hosts.d", config_dir) < 0) {
                folder = NULL;
                return log_oom();
        }
        d = opendir(folder);
        if (!d)
                return errno == ENOENT ? 0 : log_error_errno(errno, "%s could not be read: %m", folder);
        while ((entry = readdir(d))) {
                const bool elsewhere = endswith(entry->d_name, ".conf" ASIDE_SUFFIX ASIDE_ELSEWHERE);
                int r = elsewhere || endswith(entry->d_name, ".conf" ASIDE_SUFFIX)
                                ? take_back(folder, entry->d_name, elsewhere, config, ret)
                                : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}
