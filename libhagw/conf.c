/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The configuration's files and what holds between them. The result is immutable. */

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "libhagw/bind.h"
#include "libhagw/conf-files.h"
#include "libhagw/conf-kept.h"
#include "libhagw/conf-parse.h"
#include "libhagw/conf-value.h"
#include "libhagw/conf.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/state.h"

static void free_object(ConfScope scope, void *object) {
        for (const ConfSetting *s = conf_settings; s->name; s++)
                if (s->scope == scope)
                        conf_value_free(s, object);
}

static void host_done(ConfHost *h) {
        free_object(CONF_SCOPE_HOST, h);
        free(h->upstream_host);
        free(h->file);
}

Config *config_free(Config *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; i < c->n_zones; i++)
                free_object(CONF_SCOPE_ZONE, &c->zones[i]);
        free(c->zones);
        for (size_t i = 0; i < c->n_hosts; i++)
                host_done(&c->hosts[i]);
        if (c->tenants.opened)
                host_done(c->tenants.opened);
        free(c->tenants.opened);
        free(c->hosts);
        free_object(CONF_SCOPE_MAIN, c);
        free(c);
        return NULL;
}

void config_drop_last_host(Config *c) {
        assert(c->n_hosts > 0);
        host_done(&c->hosts[--c->n_hosts]);
}

Config *config_new(void) {
        _cleanup_(config_freep) Config *c = calloc(1, sizeof(Config));

        if (!c || conf_set_defaults(CONF_SCOPE_MAIN, c) < 0)
                return NULL;
        return TAKE_PTR(c);
}

static int refuse(char **ret_error, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        if (vasprintf(ret_error, format, ap) < 0)
                *ret_error = NULL;
        va_end(ap);
        return -EBADMSG;
}

int config_load_file(const char *path, bool host, Config *c, char **ret_error) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = state_read(AT_FDCWD, path, &text, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                errno = -r;
                (void) refuse(ret_error, "%s: %m%s", path,
                              r == -ENOENT && !host ? " (hagw-ctl setup writes a first one)" : "");
                return r;
        }
        if (size > CONF_FILE_MAX)
                return refuse(ret_error, "%s: larger than %u bytes", path, CONF_FILE_MAX);
        if (strlen(text) != size)
                return refuse(ret_error, "%s: contains a NUL byte at offset %zu", path, strlen(text));
        return config_parse_text(text, path, host, c, ret_error);
}

typedef struct Loading {
        Config *config;
        char **ret_error;
} Loading;

/* What was removed since the folder was read is none of the configuration; a link that leads nowhere is. */
static int load_drop_in(const char *path, const char *name, void *userdata) {
        Loading *l = userdata;
        int r = config_load_file(path, true, l->config, l->ret_error);

        if (r == -ENOENT && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
                free(*l->ret_error);
                *l->ret_error = NULL;
                return 0;
        }
        return r;
}

static int load_hosts(const char *dir, Config *c, char **ret_error) {
        Loading l = { c, ret_error };
        int r = conf_each_host_file(dir, load_drop_in, &l);

        if (r < 0 && !*ret_error) {
                errno = -r;
                (void) refuse(ret_error, "%s/hosts.d: %m", dir);
        }
        return r;
}

static int compare_hosts(const void *a, const void *b) {
        return strcmp(((const ConfHost *) a)->name, ((const ConfHost *) b)->name);
}

/* Fills what was not given: PREFIX and a name. */
static int set_default(char **field, const char *prefix, const char *name) {
        char *text;

        if (*field)
                return 0;
        if (asprintf(&text, "%s%s", prefix, name) < 0)
                return -ENOMEM;
        *field = text;
        return 0;
}

/* Logins are the house's own: the relay asks for none. */
static int make_opened(Config *c) {
        ConfHost *h = calloc(1, sizeof(*h));

        c->tenants.opened = h;
        if (!h || conf_set_defaults(CONF_SCOPE_HOST, h) < 0)
                return -ENOMEM;
        h->upstream_kind = CONF_UPSTREAM_TENANT;
        h->access.login = CONF_LOGIN_NONE;
        h->upstream = strdup("tenant:");
        h->upstream_host = strdup("");
        return !h->upstream || !h->upstream_host ? -ENOMEM : set_default(&h->name, "*.", c->tenants.zone);
}

int config_check_host(const Config *c, const ConfHost *h, char **ret_error) {
        if (h->upstream_kind != CONF_UPSTREAM_TENANT || c->tenants.zone)
                return 0;
        return refuse(ret_error, "%s: upstream \"%s\" needs tenants.zone: this is no relay", h->file,
                      h->upstream);
}

/* A relay and an agent name things that other settings must agree with. */
static int check_tunnel(Config *c, char **ret_error) {
        const ConfZone *z;

        if (!!c->relay.address != !!c->relay.tenant)
                return refuse(ret_error, "relay: address and tenant go together, one of them is missing");
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_RELAY && !c->relay.address)
                        return refuse(ret_error,
                                      "zone \"%s\": via = \"relay\" needs relay.address and relay.tenant",
                                      c->zones[i].name);
        for (size_t i = 0; i < c->n_hosts; i++) {
                const int r = config_check_host(c, &c->hosts[i], ret_error);

                if (r < 0)
                        return r;
        }
        if (!c->tenants.zone)
                return 0;
        z = config_find_zone(c, c->tenants.zone);
        if (!z || !streq(z->name, c->tenants.zone))
                return refuse(ret_error, "tenants.zone: \"%s\" is none of zones", c->tenants.zone);
        if (z->answer != CONF_ANSWER_ANY)
                return refuse(ret_error,
                              "tenants.zone: zone \"%s\" needs answer = \"any\": tenants are names in it",
                              z->name);
        if (set_default(&c->tenants.name, "", c->tenants.zone) < 0)
                return -ENOMEM;
        return make_opened(c);
}

/* Well-known ports are other services'; hagw-bind may not open them. */
static bool is_foreign_port(unsigned port) {
        return port > 0 && port < BIND_PORT_UNPRIVILEGED && port != BIND_PORT;
}

/* A second authority that is none, or no second one, would be noticed on the day when it is needed. */
static int check_fallback(const Config *c, char **ret_error) {
        const ConfAuthority *f = &c->acme.fallback;

        if (!f->directory && (f->contact || f->ca_file || f->eab_key_id || f->profile))
                return refuse(ret_error, "acme.fallback: a \"directory\" is missing");
        if (streq_ptr(f->directory, c->acme.first.directory))
                return refuse(ret_error, "acme.fallback: its directory is the same as acme.directory");
        return 0;
}

/* What no single file can know. */
int config_check_whole(Config *c, char **ret_error) {
        int r;

        if (c->n_hosts > 0)
                qsort(c->hosts, c->n_hosts, sizeof(ConfHost), compare_hosts);
        for (size_t i = 1; i < c->n_hosts; i++)
                if (streq(c->hosts[i - 1].name, c->hosts[i].name))
                        return refuse(ret_error, "%s: host \"%s\" stands in %s already", c->hosts[i].file,
                                      c->hosts[i].name, c->hosts[i - 1].file);
        for (size_t i = 0; i < c->n_zones; i++) {
                r = set_default(&c->zones[i].name_server, "ns.", c->zones[i].name);
                if (r < 0)
                        return r;
        }
        if (is_foreign_port(c->dns.ipv4_port) || is_foreign_port(c->dns.ipv6_port))
                return refuse(ret_error,
                              "dns: ipv4_port and ipv6_port are 53, 1024 to 65535, or 0 for none");
        r = check_fallback(c, ret_error);
        return r < 0 ? r : check_tunnel(c, ret_error);
}

int config_load(const char *dir, Config **ret, char **ret_error) {
        _cleanup_(config_freep) Config *c = NULL;
        char path[PATH_MAX];
        int r;

        *ret_error = NULL;
        c = config_new();
        if (!c)
                return -ENOMEM;
        if ((size_t) snprintf(path, sizeof(path), "%s/hagw.conf", dir) >= sizeof(path))
                return -ENAMETOOLONG;
        r = config_load_file(path, false, c, ret_error);
        if (r < 0)
                return r;
        r = config_check_lost(c, dir, config_kept_dir(dir), ret_error);
        if (r < 0)
                return r;
        r = load_hosts(dir, c, ret_error);
        if (r < 0)
                return r;
        r = config_check_whole(c, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

const ConfZone *config_find_zone(const Config *c, const char *name) {
        const ConfZone *best = NULL;

        for (size_t i = 0; i < c->n_zones; i++)
                if (hostname_in_zone(name, c->zones[i].name) &&
                    (!best || strlen(c->zones[i].name) > strlen(best->name)))
                        best = &c->zones[i];
        return best;
}

bool config_is_the_relays(const Config *c, const char *name) {
        const char *rest;
        size_t i = 0;

        /* The first is TENANT.RELAYZONE; the others are domains of ours elsewhere. */
        while (i < c->n_zones && c->zones[i].via != CONF_VIA_RELAY)
                i++;
        if (!c->relay.tenant || i == c->n_zones || config_find_zone(c, name))
                return false;
        rest = startswith(c->zones[i].name, c->relay.tenant);
        return rest && *rest == '.' && hostname_in_zone(name, rest + 1);
}

const ConfHost *config_find_host(const Config *c, const char *name) {
        const ConfHost *wild = NULL;

        for (size_t i = 0; i < c->n_hosts; i++) {
                if (streq(c->hosts[i].name, name))
                        return &c->hosts[i];
                if (hostname_matches(name, c->hosts[i].name))
                        wild = &c->hosts[i];
        }
        return wild;
}
