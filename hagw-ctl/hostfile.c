/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files in hosts.d/: found, checked against the whole configuration, written whole. */

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "hagw-ctl/conffolder.h"
#include "hagw-ctl/confedit.h"
#include "hagw-ctl/conftext.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/idn.h"
#include "hagw-ctl/readable.h"
#include "hagw-ctl/typed.h"
#include "hagw-ctl/unset.h"
#include "libhagw/conf-value.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/suggest.h"
#include "libhagw/state.h"
#include "libhagw/vl.h"

const Option host_options[] = {
        { "login", "WORD", "required (default, but for tenant:NAME) or none" },
        { "user", "NAME",
          "a user that may pass, instead of all; may be repeated; an empty one: all", .many = true },
        { "group", "NAME", "a group that may pass; may be repeated; an empty one: none", .many = true },
        { "open-path", "PREFIX",
          "a path prefix without login, e.g. /share/; may be repeated; an empty one: none", .many = true },
        { "from", "WORD", "anywhere (default) or lan" },
        { "embedded-by", "HOST",
          "a host whose pages may show this one in themselves; may be repeated; an empty one: none",
          .many = true },
        { "verify", "WORD", "for https upstreams: system (default), ca or insecure" },
        { "ca-file", "FILE", "the roots for --verify=ca" },
        { "server-name", "NAME", "the name in the upstream's certificate" },
        { "upstream-host", "HOST[:PORT]",
          "what the service gets in the Host field; an empty one: the visitor's" },
        { "compress", "BOOL", "compress the service's files on their way: true (default) or false" },
        { "proxy-protocol", "WORD", "what a tcp:// service is told first: none (default), v1 or v2" },
        { "connect-timeout", "TIME", "how long connecting to the service may take (default 5s)" },
        { "idle-timeout", "TIME", "how long both directions may be silent (default 1h)" },
        { "force", NULL,
          "take names that are not there (yet), nearly in a zone, somebody else's, or can never have a "
          "certificate" },
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
        { "embedded-by", "access", "embedded_by" },
        { "verify", "tls", "verify" },
        { "ca-file", "tls", "ca_file" },
        { "server-name", "tls", "server_name" },
        { "upstream-host", NULL, "upstream_host" },
        { "compress", NULL, "compress" },
        { "proxy-protocol", NULL, "proxy_protocol" },
        { "connect-timeout", "timeouts", "connect" },
        { "idle-timeout", "timeouts", "idle" },
};

const char *const *host_option_choices(const char *option) {
        size_t i = 0;

        while (i < ELEMENTSOF(host_settings) && !streq(host_settings[i].option, option))
                i++;
        for (const ConfSetting *s = conf_settings; i < ELEMENTSOF(host_settings) && s->name; s++)
                if (s->scope == CONF_SCOPE_HOST && streq_ptr(s->group, host_settings[i].group) &&
                    streq(s->name, host_settings[i].name))
                        return s->choices;
        return NULL;
}

int lock_hosts(void) {
        _cleanup_free_ char *path = NULL;
        int fd, r;

        if (asprintf(&path, "%s/hosts.lock", vl_folder()) < 0) {
                path = NULL;
                return -EBADF;
        }
        /* Who cannot open it cannot write the files either, and will be told so. */
        fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return fd;
        r = flock(fd, LOCK_EX | LOCK_NB);
        if (r < 0 && errno == EWOULDBLOCK) {
                log_info("Another hagw-ctl changes the configuration; waiting for it.");
                do
                        r = flock(fd, LOCK_EX);
                while (r < 0 && errno == EINTR);
        }
        return fd;
}

int load_config(const char *config_dir, Config **ret) {
        _cleanup_free_ char *error = NULL;
        int r = config_load(config_dir, ret, &error);

        if (r >= 0) {
                r = readable_check(config_dir, *ret, &error);
                if (r < 0) {
                        log_error("%s", error ?: "Out of memory.");
                        *ret = config_free(*ret);
                }
                return r;
        }
        if (unset_judge(NULL, config_dir))
                log_error("%s", unset_text(config_dir));
        else if (error)
                log_error("%s", error);
        else
                (void) log_error_errno(r, "%s: %m", config_dir);
        if (r == -EACCES)
                log_error("The configuration is readable by root and the group hagw; try again with sudo.");
        return r == -EINVAL ? -EBADMSG : r;
}

/* The one host whose first label it is, or NULL. */
static const char *only_host_called(const Config *config, const char *label) {
        const char *found = NULL;
        size_t n = strlen(label);

        for (size_t i = 0; i < config->n_hosts; i++) {
                const char *name = config->hosts[i].name;

                if (strncasecmp(name, label, n) != 0 || name[n] != '.')
                        continue;
                if (found)
                        return NULL;
                found = name;
        }
        return found;
}

/* A name without a dot where it may mean several. */
static int expand_among_zones(const Config *config, const char *label, char **ret) {
        const char *host = only_host_called(config, label);

        if (!host) {
                log_error("In which zone? There are several: %s.%s, %s.%s%s", label, config->zones[0].name,
                          label, config->zones[1].name, config->n_zones > 2 ? ", …" : "");
                return -EINVAL;
        }
        *ret = strdup(host);
        return *ret ? 0 : log_oom();
}

/* What a browser shows around a name is no part of it. */
static const char *cut_name(const char *typed, char out[static HOSTNAME_MAX + 3]) {
        const char *scheme = startswith(typed, "https://") ?: startswith(typed, "http://"),
                   *name = scheme ?: typed;
        size_t n = strcspn(name, "/");

        if (n > 4 && memcmp(name + n - 4, ":443", 4) == 0)
                n -= 4;
        if ((!scheme && !name[n]) || n > HOSTNAME_MAX + 2)
                return typed;
        (void) snprintf(out, HOSTNAME_MAX + 3, "%.*s", (int) n, name);
        return out;
}

int host_expand_name(const Config *config, const char *name, char **ret) {
        _cleanup_free_ char *full = NULL, *why = NULL;
        char normal[HOSTNAME_MAX + 1], cut[HOSTNAME_MAX + 3];
        const char *bare;

        name = cut_name(name, cut);
        bare = startswith(name, "*.") ?: name;

        if (!strchr(bare, '.') && unset_judge(config, NULL)) {
                log_error("%s", unset_text(NULL));
                return -EINVAL;
        }
        if (!strchr(bare, '.') && config->n_zones > 1)
                return expand_among_zones(config, name, ret);
        if (!strchr(bare, '.') && config->n_zones == 1) {
                if (asprintf(&full, "%s.%s", name, config->zones[0].name) < 0) {
                        full = NULL;
                        return log_oom();
                }
                name = full;
                bare = startswith(name, "*.") ?: name;
        }
        if (hostname_normalize(bare, strlen(bare), normal) <= 0) {
                if (idn_refuse(bare, &why) == -ENOMEM)
                        return log_oom();
                if (why)
                        log_error("%s", why);
                else
                        log_error("\"%s\" is no host name.", name);
                return -EINVAL;
        }
        if (asprintf(ret, "%s%s", bare == name ? "" : "*.", normal) < 0)
                return log_oom();
        return 0;
}

/* The one that begins so, as "ha.anna" does for ha.anna.relay.example.com; or NULL. */
static const char *find_longer(const Config *config, const char *begun) {
        const size_t n = strlen(begun);

        for (size_t i = 0; i < config->n_hosts; i++)
                if (startswith(config->hosts[i].name, begun) && config->hosts[i].name[n] == '.')
                        return config->hosts[i].name;
        return NULL;
}

/* The one whose first label is nearest, for a name without a zone; or NULL. */
static const char *find_label(const Config *config, const char *label) {
        for (size_t i = 0; i < config->n_hosts && !strchr(label, '.'); i++) {
                char first[HOSTNAME_MAX + 1];

                (void) snprintf(first, sizeof(first), "%.*s", (int) strcspn(config->hosts[i].name, "."),
                                config->hosts[i].name);
                if (suggest(label, (const char *const[]) { first, NULL }))
                        return config->hosts[i].name;
        }
        return NULL;
}

static void tell_unknown(const Config *config, const char *full, const char *otherwise) {
        const char *names[CONF_HOSTS_MAX + 1], *near;

        if (unset_judge(config, NULL)) {
                log_error("%s", unset_text(NULL));
                return;
        }
        for (size_t i = 0; i < config->n_hosts; i++)
                names[i] = config->hosts[i].name;
        names[config->n_hosts] = NULL;
        near = find_longer(config, full) ?: suggest(full, names) ?: find_label(config, full);
        log_error("There is no host \"%s\"%s%s%s%s", full,
                  near ? "; did you mean \"" : "; hagw-ctl host list shows them.", strempty(near),
                  near ? "\"?" : "", otherwise);
}

const ConfHost *host_find(const Config *config, const char *name) {
        _cleanup_free_ char *full = NULL;

        /* Who is called so in no zone is not asked for one. */
        if (config->n_zones > 1 && !strchr(name, '.') && !find_longer(config, name) &&
            !only_host_called(config, name)) {
                tell_unknown(config, name, "");
                return NULL;
        }
        if (host_expand_name(config, name, &full) < 0)
                return NULL;
        for (size_t i = 0; i < config->n_hosts; i++)
                if (streq(config->hosts[i].name, full))
                        return &config->hosts[i];
        tell_unknown(config, full, "");
        return NULL;
}

int host_expand_known(const Config *config, const char *name, bool force, const char *meant, char **ret) {
        _cleanup_free_ char *full = NULL;
        bool known;
        int r;

        r = host_expand_name(config, name, &full);
        if (r < 0)
                return r;
        known = force || config_find_host(config, full);
        for (size_t i = 0; !known && i < config->n_hosts; i++)
                known = hostname_matches(config->hosts[i].name, full);
        if (!known && meant)
                log_error("There is no host \"%s\"; %s", full, meant);
        else if (!known)
                tell_unknown(config, full, " --force takes it anyway.");
        *ret = known ? TAKE_PTR(full) : NULL;
        return known ? 0 : -ENOENT;
}

/* Before there is a file that could be spoken of. What may hold a password is not repeated. */
static int judge_value(const char *option, const char *group, const char *name, const char *value) {
        bool is_option = !streq(option, "upstream"), secret = strchr(value, '@') && !is_option;
        _cleanup_free_ char *reason = NULL;
        ConfHost host = {};
        int r = 0;

        for (const ConfSetting *s = conf_settings; r >= 0 && s->name; s++)
                if (s->scope == CONF_SCOPE_HOST && streq_ptr(s->group, group) && streq(s->name, name)) {
                        r = conf_value_set(s, &host, &value, 1, &reason);
                        conf_value_free(s, &host);
                        free(host.upstream_host);
                }
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0 && is_option)
                log_error("--%s=%s cannot be taken: %s", option, value, strempty(reason));
        else if (r < 0)
                log_error("%s%s%s cannot be taken: %s", secret ? "" : "\"", secret ? "That" : value,
                          secret ? "" : "\"", strempty(reason));
        return r;
}

int host_judge_options(const Call *call) {
        for (size_t i = 0; i < ELEMENTSOF(host_settings); i++) {
                const char *value;

                for (unsigned n = 0; (value = call_option_nth(call, host_settings[i].option, n)); n++) {
                        int r = !*value ? 0 :
                                          judge_value(host_settings[i].option, host_settings[i].group,
                                                      host_settings[i].name, value);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

bool host_has_options(const Call *call) {
        for (size_t i = 0; i < ELEMENTSOF(host_settings); i++)
                if (call_option(call, host_settings[i].option))
                        return true;
        return false;
}

int host_read_upstream(const char *zone, const char *typed, char **ret) {
        const TypedContext context = { .zone = zone };
        _cleanup_free_ char *reason = NULL;
        int r;

        r = typed_read(TYPED_UPSTREAM, typed, &context, ret, &reason);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0) {
                _cleanup_free_ char *other = NULL, *ignored = NULL;
                const TypedContext anywhere = {};
                bool forced = zone && typed_read(TYPED_UPSTREAM, typed, &anywhere, &other, &ignored) >= 0;

                log_error("%s%s", reason, forced ? " --force takes it anyway." : "");
                return r;
        }
        return judge_value("upstream", NULL, "upstream", *ret);
}

void host_say_path(const char *typed) {
        char path[TYPED_MAX + 1];

        if (typed_path(typed, path))
                log_notice(HOST_PATH_TEXT, path);
}

int host_begin(Choices *choices, const char *name, const char *upstream, bool asked_behind) {
        if (choices_add(choices, CONF_SCOPE_HOST, 0, NULL, "name", name) < 0 ||
            choices_add(choices, CONF_SCOPE_HOST, 0, NULL, "upstream", upstream) < 0 ||
            ((asked_behind || startswith(upstream, "tcp://")) &&
             choices_add(choices, CONF_SCOPE_HOST, 0, "access", "login", "none") < 0))
                return log_oom();
        return 0;
}

int host_take_options(Choices *choices, const Call *call) {
        for (size_t i = 0; i < ELEMENTSOF(host_settings); i++) {
                const char *value;

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

int edit_failed(const char *path, int r) {
        if (r == -ENOENT) {
                log_error("%s is written so that its zone is not found in it: change it by hand.",
                          path);
                return -EBADMSG;
        }
        if (r != -EBADMSG)
                return log_oom();
        log_error("%s ends within a string or a comment: close it, then try again.", path);
        return r;
}

/* The option's values in the place of those before; an empty one is none. */
static int edit_setting(const Call *call, size_t row, char **text) {
        const char *group = host_settings[row].group, *name = host_settings[row].name;
        const ConfSetting *setting = conf_find_setting(CONF_SCOPE_HOST, group, name);
        const char *values[CALL_OPTIONS_MAX], *value;
        _cleanup_free_ char *written = NULL;
        size_t n_values = 0;

        for (unsigned n = 0; (value = call_option_nth(call, host_settings[row].option, n)); n++)
                if (*value)
                        values[n_values++] = value;
        if (n_values == 0)
                return confedit_cut(text, group, name);
        if (conf_type_is_list(setting->type))
                return confedit_set_list(text, group, name, values, n_values);
        if (conf_text_values(setting, (char *const *) &values[n_values - 1], 1, &written) < 0)
                return -ENOMEM;
        return confedit_set_text(text, group, name, written);
}

int host_edit_options(const Call *call, const char *path, char **text) {
        for (size_t i = 0; i < ELEMENTSOF(host_settings); i++) {
                int r = call_option(call, host_settings[i].option) ? edit_setting(call, i, text) : 0;
                if (r < 0)
                        return edit_failed(path, r);
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

        r = g ? state_write_for_group(AT_FDCWD, path, text, strlen(text), 0640, g->gr_gid) :
                state_write(AT_FDCWD, path, text, strlen(text), 0640);
        if ((r == -EACCES || r == -EPERM || r == -EROFS) && geteuid() != 0) {
                log_error("%s cannot be written (%s); try again with sudo.", path, strerror(-r));
                return -EACCES;
        }
        if (r < 0)
                return log_error_errno(r, "%s could not be written: %m", path);
        return 0;
}

int host_judge(const Config *config, const char *dir, const char *path, const char *text) {
        _cleanup_(config_freep) Config *alone = config_new();
        _cleanup_free_ char *error = NULL;
        const ConfHost *h;
        bool is_new = true;
        int r;

        if (!alone)
                return log_oom();
        r = config_parse_text(text, path, true, alone, &error);
        if (r < 0) {
                log_error("%s", error ?: "Out of memory.");
                return -EINVAL;
        }
        h = &alone->hosts[0];
        if (h->tls.verify == CONF_VERIFY_CA && readable_check_ca(dir, h->tls.ca_file, &error) < 0) {
                log_error("%s", error ?: "Out of memory.");
                return -EINVAL;
        }
        r = config_check_host(config, h, &error);
        if (r < 0) {
                log_error("%s", error ?: "Out of memory.");
                return -EINVAL;
        }
        for (size_t i = 0; i < config->n_hosts; i++) {
                is_new = is_new && !streq(config->hosts[i].file, path);
                if (streq(config->hosts[i].name, h->name) && !streq(config->hosts[i].file, path)) {
                        log_error("Host \"%s\" stands in %s already; hagw-ctl host set changes it.", h->name,
                                  config->hosts[i].file);
                        return -EEXIST;
                }
        }
        if (is_new && config->n_hosts >= CONF_HOSTS_MAX) {
                log_error("There are %u hosts already, and more cannot be.", CONF_HOSTS_MAX);
                return -E2BIG;
        }
        return 0;
}

int host_write(const Config *config, const char *dir, const char *path, const char *text) {
        _cleanup_free_ char *folder = NULL;
        int r;

        r = host_judge(config, dir, path, text);
        if (r < 0)
                return r;
        folder = strndup(path, (size_t) (strrchr(path, '/') - path));
        if (!folder)
                return log_oom();
        r = conf_folder_make(folder);
        if (r < 0)
                return log_error_errno(r, "%s could not be made: %m", folder);
        return write_config_file(path, text);
}
