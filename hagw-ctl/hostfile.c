/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files in hosts.d/: found, checked against the whole configuration, written whole. */

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hostfile.h"
#include "hostname.h"
#include "log.h"
#include "readable.h"
#include "state.h"
#include "suggest.h"

const Option host_options[] = {
        { "login", "WORD", "required (default) or none" },
        { "user", "NAME", "a user that may pass, instead of all; may be repeated; an empty one: all" },
        { "group", "NAME", "a group that may pass; may be repeated; an empty one: none" },
        { "open-path", "PREFIX",
          "a path prefix without login, e.g. /api/webhook/; may be repeated; an empty one: none" },
        { "from", "WORD", "anywhere (default) or lan" },
        { "verify", "WORD", "for https upstreams: system (default), ca or insecure" },
        { "ca-file", "FILE", "the roots for --verify=ca" },
        { "server-name", "NAME", "the name in the upstream's certificate" },
        { "connect-timeout", "TIME", "how long connecting to the service may take (default 5s)" },
        { "idle-timeout", "TIME", "how long both directions may be silent (default 1h)" },
        { "force", NULL, "rewrite a file that has comments, losing them" },
        { "no-reload", NULL, "leave the running daemons as they are" },
        {},
};

static const struct {
        const char *option, *group, *name;
} host_settings[] = {
        { "login", "access", "login" },
        { "user", "access", "users" },
        { "group", "access", "groups" },
        { "open-path", "access", "open_paths" },
        { "from", "access", "from" },
        { "verify", "tls", "verify" },
        { "ca-file", "tls", "ca_file" },
        { "server-name", "tls", "server_name" },
        { "connect-timeout", "timeouts", "connect" },
        { "idle-timeout", "timeouts", "idle" },
};

int load_config(const char *config_dir, Config **ret) {
        _cleanup_free_ char *error = NULL;
        int r = config_load(config_dir, ret, &error);

        if (r >= 0) {
                r = readable_check(config_dir, *ret);
                if (r < 0)
                        *ret = config_free(*ret);
                return r;
        }
        if (error)
                log_error("%s", error);
        else
                (void) log_error_errno(r, "%s: %m", config_dir);
        if (r == -EACCES)
                log_error("The configuration is readable by root and the group hagw; try again with sudo.");
        return r == -EINVAL ? -EBADMSG : r;
}

int host_expand_name(const Config *config, const char *name, char **ret) {
        _cleanup_free_ char *full = NULL;
        char normal[HOSTNAME_MAX + 1];
        const char *bare = startswith(name, "*.") ?: name;

        if (!strchr(name, '.') && config->n_zones == 1) {
                if (asprintf(&full, "%s.%s", name, config->zones[0].name) < 0) {
                        full = NULL;
                        return log_oom();
                }
                bare = name = full;
        }
        if (hostname_normalize(bare, strlen(bare), normal) <= 0) {
                log_error("\"%s\" is no host name.", name);
                return -EINVAL;
        }
        if (asprintf(ret, "%s%s", bare == name ? "" : "*.", normal) < 0)
                return log_oom();
        return 0;
}

const ConfHost *host_find(const Config *config, const char *name) {
        const char *names[CONF_HOSTS_MAX + 1], *near;
        _cleanup_free_ char *full = NULL;

        if (host_expand_name(config, name, &full) < 0)
                return NULL;
        for (size_t i = 0; i < config->n_hosts; i++) {
                if (streq(config->hosts[i].name, full))
                        return &config->hosts[i];
                names[i] = config->hosts[i].name;
        }
        names[config->n_hosts] = NULL;
        near = suggest(full, names);
        log_error("There is no host \"%s\"%s%s%s", full,
                  near ? "; did you mean \"" : "; hagw-ctl host list shows them.", strempty(near),
                  near ? "\"?" : "");
        return NULL;
}

int host_take_options(Choices *choices, const Call *call) {
        for (size_t i = 0; i < ELEMENTSOF(host_settings); i++) {
                const char *value;

                if (call_option(call, host_settings[i].option))
                        choices_drop(choices, CONF_SCOPE_HOST, 0, host_settings[i].group,
                                     host_settings[i].name);
                for (unsigned n = 0; (value = call_option_nth(call, host_settings[i].option, n)); n++) {
                        int r = !*value ? 0 :
                                          choices_add(choices, CONF_SCOPE_HOST, 0, host_settings[i].group,
                                                      host_settings[i].name, value);
                        if (r < 0)
                                return log_oom();
                }
        }
        return 0;
}

int host_path(const char *config_dir, const char *name, char **ret) {
        const char *rest = startswith(name, "*.");

        if (asprintf(ret, "%s/hosts.d/%s%s.conf", config_dir, rest ? "_wildcard." : "", rest ?: name) < 0)
                return log_oom();
        return 0;
}

/* Owned by root and readable by the daemons, where there is the group (there is none in a build tree). */
int write_config_file(const char *path, const char *text) {
        const struct group *g = geteuid() == 0 ? getgrnam("hagw") : NULL;
        int r;

        r = state_write(AT_FDCWD, path, text, strlen(text), 0640);
        if (r == -EACCES || r == -EPERM || r == -EROFS) {
                log_error("%s cannot be written (%s); try again with sudo.", path, strerror(-r));
                return -EACCES;
        }
        if (r < 0)
                return log_error_errno(r, "%s could not be written: %m", path);
        if (g && chown(path, 0, g->gr_gid) < 0)
                return log_error_errno(errno, "%s could not be given to the group hagw: %m", path);
        return 0;
}

int host_write(const Config *config, const char *path, const char *text) {
        _cleanup_(config_freep) Config *alone = config_new();
        _cleanup_free_ char *error = NULL, *dir = NULL;
        int r;

        if (!alone)
                return log_oom();
        r = config_parse_text(text, path, true, alone, &error);
        if (r < 0) {
                log_error("%s", error ?: "Out of memory.");
                return -EINVAL;
        }
        for (size_t i = 0; i < config->n_hosts; i++)
                if (streq(config->hosts[i].name, alone->hosts[0].name) &&
                    !streq(config->hosts[i].file, path)) {
                        log_error("Host \"%s\" stands in %s already; hagw-ctl host set changes it.",
                                  alone->hosts[0].name, config->hosts[i].file);
                        return -EEXIST;
                }
        dir = strndup(path, (size_t) (strrchr(path, '/') - path));
        if (!dir)
                return log_oom();
        if (mkdir(dir, 0750) < 0 && errno != EEXIST)
                return log_error_errno(errno, "%s could not be made: %m", dir);
        return write_config_file(path, text);
}
