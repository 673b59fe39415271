/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files in hosts.d/, one by one. What a broken one is for nobody knows but by its name. */

#include <limits.h>
#include <stdio.h>
#include <strings.h>

#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/hostscan.h"
#include "hagw-ctl/readable.h"
#include "hagw-ctl/unset.h"
#include "libhagw/conf-files.h"
#include "libhagw/conf-parse.h"
#include "libhagw/log.h"

void hostscan_done(HostScan *s) {
        config_free(s->config);
        for (size_t i = 0; i < s->n_broken; i++) {
                free(s->broken[i].path);
                free(s->broken[i].error);
        }
        free(s->broken);
        free(s->error);
        *s = (HostScan) {};
}

static int add_broken(HostScan *s, const char *path, char *error) {
        BrokenFile *b;

        if (!GREEDY_REALLOC(s->broken, s->allocated, s->n_broken + 1))
                return -ENOMEM;
        b = &s->broken[s->n_broken];
        *b = (BrokenFile) { .path = strdup(path), .error = strdup(strempty(error)) };
        s->n_broken++;
        return b->path && b->error ? 0 : -ENOMEM;
}

static int look_at(const char *path, const char *name, void *userdata) {
        _cleanup_(config_freep) Config *alone = NULL;
        _cleanup_free_ char *error = NULL, *ignored = NULL;
        HostScan *s = userdata;
        int r;

        if (s->config->n_hosts + s->n_broken >= CONF_HOSTS_MAX)
                return 0;
        alone = config_new();
        if (!alone)
                return -ENOMEM;
        r = config_load_file(path, /* host= */ true, alone, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return add_broken(s, path, error);
        return config_load_file(path, /* host= */ true, s->config, &ignored) == -ENOMEM ? -ENOMEM : 0;
}

static int look(const char *dir, HostScan *s) {
        _cleanup_free_ char *ignored = NULL;
        char path[PATH_MAX];

        s->config = config_new();
        if (!s->config)
                return -ENOMEM;
        if ((size_t) snprintf(path, sizeof(path), "%s/hagw.conf", dir) < sizeof(path) &&
            config_load_file(path, /* host= */ false, s->config, &ignored) == -ENOMEM)
                return -ENOMEM;
        return conf_each_host_file(dir, look_at, s);
}

int hostscan_load(const char *config_dir, HostScan *ret) {
        _cleanup_(hostscan_done) HostScan s = {};
        _cleanup_free_ char *error = NULL;
        int r;

        r = config_load(config_dir, &s.config, &error);
        if (r >= 0)
                r = readable_check(config_dir, s.config, &error);
        if (r >= 0 || r == -ENOMEM || r == -EACCES || unset_judge(NULL, config_dir))
                return r < 0 ? load_config(config_dir, &ret->config) :
                               (ret->config = TAKE_PTR(s.config), 0);
        s.config = config_free(s.config);
        r = look(config_dir, &s);
        if (r < 0)
                return r == -ENOMEM ? log_oom() : log_error_errno(r, "%s: %m", config_dir);
        /* What a broken file says is not said twice. */
        for (size_t i = 0; error && i < s.n_broken; i++)
                if (streq(s.broken[i].error, error)) {
                        free(error);
                        error = NULL;
                }
        s.error = TAKE_PTR(error);
        *ret = s;
        s = (HostScan) {};
        return 1;
}

static const char *base_of(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* Without what all of them have. */
static void file_name(const char *path, char out[static NAME_MAX + 1]) {
        const char *base = base_of(path), *end = endswith(base, ".conf");

        (void) snprintf(out, NAME_MAX + 1, "%.*s", (int) (end ? (size_t) (end - base) : strlen(base)), base);
}

static int append_broken(sd_json_variant **array, const BrokenFile *b) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        char name[NAME_MAX + 1];
        int r;

        file_name(b->path, name);
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("file", SD_JSON_BUILD_STRING(b->path)),
                           SD_JSON_BUILD_PAIR("loaded", SD_JSON_BUILD_BOOLEAN(false)),
                           SD_JSON_BUILD_PAIR("health", SD_JSON_BUILD_STRING("broken")),
                           SD_JSON_BUILD_PAIR("error", SD_JSON_BUILD_STRING(b->error)));
        return r < 0 ? r : sd_json_variant_append_array(array, v);
}

int hostscan_append_broken(const HostScan *s, sd_json_variant **array) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->n_broken; i++)
                r = append_broken(array, &s->broken[i]);
        return r;
}

/* --- which one was meant ---------------------------------------------------------------------------- */

/* Files are called by their hosts' names; a pattern's star is no part of one. */
static bool is_called(const char *path, const char *typed) {
        char name[NAME_MAX + 1];
        const char *rest = startswith(typed, "*."), *wild = startswith(base_of(path), "_wildcard.");

        if (strcasecmp(base_of(path), base_of(typed)) == 0)
                return true;
        if (!rest != !wild)
                return false;
        file_name(wild ?: path, name);
        return strcasecmp(name, rest ?: typed) == 0;
}

typedef struct Found {
        const char *path, *error;
        size_t n;
} Found;

static void find(const HostScan *s, const char *typed, Found *f) {
        for (size_t i = 0; i < s->config->n_hosts; i++) {
                const ConfHost *h = &s->config->hosts[i];

                if (strcasecmp(strempty(h->name), typed) == 0 || is_called(h->file, typed))
                        *f = (Found) { h->file, NULL, f->n + 1 };
        }
        for (size_t i = 0; i < s->n_broken; i++)
                if (is_called(s->broken[i].path, typed))
                        *f = (Found) { s->broken[i].path, s->broken[i].error, f->n + 1 };
}

int hostscan_find(const HostScan *s, const char *typed, const char **ret_path, const char **ret_error) {
        const char *bare = startswith(typed, "*.") ?: typed;
        Found f = {};

        find(s, typed, &f);
        for (size_t i = 0; f.n == 0 && !strchr(bare, '.') && i < s->config->n_zones; i++) {
                char full[PATH_MAX];

                if (s->config->zones[i].name &&
                    (size_t) snprintf(full, sizeof(full), "%s.%s", typed, s->config->zones[i].name) <
                            sizeof(full))
                        find(s, full, &f);
        }
        if (f.n == 1) {
                *ret_path = f.path;
                *ret_error = f.error;
                return 0;
        }
        if (f.n == 0)
                log_error("There is neither a host nor a file \"%s\"; hagw-ctl host list shows them.",
                          typed);
        else
                log_error("Several files are meant by \"%s\"; give the file's name, such as %s.", typed,
                          base_of(f.path));
        return -ENOENT;
}
