/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One text of configuration into a Config: libconfig reads the syntax, the schema says what may stand where.
 * No I/O. */

#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>

#include "libhagw/conf-parse.h"
#include "libhagw/conf-value.h"
#include "libhagw/conf-where.h"
#include "libhagw/pure/suggest.h"

#define WORDS_MAX 64U

typedef struct Parser {
        const char *file;
        char **error;
} Parser;

static int refuse_at(Parser *p, unsigned line, const char *format, ...) {
        _cleanup_free_ char *what = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&what, format, ap);
        va_end(ap);
        if (n < 0) {
                what = NULL;
                return -ENOMEM;
        }
        if (asprintf(p->error, "%s:%u: %s", p->file, line, what) < 0)
                *p->error = NULL;
        return -EBADMSG;
}

/* A scalar as text; buffer holds numbers. NULL: it is none. */
static const char *scalar_text(const config_setting_t *v, char *buffer, size_t size) {
        switch (config_setting_type(v)) {
        case CONFIG_TYPE_STRING:
                return config_setting_get_string(v);
        case CONFIG_TYPE_BOOL:
                return config_setting_get_bool(v) ? "true" : "false";
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                (void) snprintf(buffer, size, "%lld", config_setting_get_int64(v));
                return buffer;
        default:
                return NULL;
        }
}

static int set_value(Parser *p, const ConfSetting *s, void *object, const config_setting_t *v) {
        const char *values[CONF_LIST_MAX];
        _cleanup_free_ char *reason = NULL;
        char number[32];
        unsigned line = config_setting_source_line(v);
        size_t n = 0;
        int r;

        if (config_setting_is_aggregate(v)) {
                if (config_setting_is_group(v) || !conf_type_is_list(s->type))
                        return refuse_at(p, line, "\"%s\": expected a %s", s->name, conf_type_text(s->type));
                if (config_setting_length(v) > (int) CONF_LIST_MAX)
                        return refuse_at(p, line, "\"%s\": more than %u elements", s->name, CONF_LIST_MAX);
                for (int i = 0; i < config_setting_length(v); i++) {
                        values[n] = config_setting_get_string_elem(v, i);
                        if (!values[n++])
                                return refuse_at(p, line, "\"%s\": element %d is no string", s->name, i + 1);
                }
        } else {
                values[n++] = scalar_text(v, number, sizeof(number));
                if (!values[0])
                        return refuse_at(p, line, "\"%s\": expected a %s", s->name, conf_type_text(s->type));
        }
        r = conf_value_set(s, object, values, n, &reason);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && n == 1 && s->type == CONF_UPSTREAM && strchr(values[0], '@')) /* maybe a password */
                return refuse_at(p, line, "\"%s\": %s", s->name, strempty(reason));
        if (r < 0)
                return refuse_at(p, line, "\"%s\"%s%s%s: %s", s->name, n == 1 ? " = \"" : "",
                                 n == 1 ? values[0] : "", n == 1 ? "\"" : "", strempty(reason));
        return 0;
}

static bool row_is_in(const ConfSetting *s, ConfScope scope, const char *group) {
        return s->scope == scope && streq_ptr(s->group, group);
}

/* The name of the row's group, where that stands in the group `within`, or (NULL) at the top; else NULL. */
static const char *group_word(const ConfSetting *s, const char *within) {
        const char *rest = s->group;

        if (rest && within) {
                rest = startswith(rest, within);
                if (!rest || *rest++ != '.')
                        return NULL;
        }
        return rest && !strchr(rest, '.') ? rest : NULL;
}

/* The group of that name within another, or at the top: as the rows call it. NULL: there is none. */
static const char *find_group(ConfScope scope, const char *within, const char *name) {
        for (const ConfSetting *s = conf_settings; s->name; s++)
                if (s->scope == scope && streq_ptr(group_word(s, within), name))
                        return s->group;
        return NULL;
}

static int refuse_unknown(Parser *p, ConfScope scope, const char *group, const config_setting_t *v) {
        const char *words[WORDS_MAX + 1], *name = config_setting_name(v), *word, *near;
        size_t n = 0;

        for (const ConfSetting *s = conf_settings; s->name && n < WORDS_MAX; s++) {
                if (row_is_in(s, scope, group))
                        words[n++] = s->name;
                else if (s->scope == scope && (word = group_word(s, group)) &&
                         (n == 0 || !streq(words[n - 1], word)))
                        words[n++] = word;
        }
        if (scope == CONF_SCOPE_MAIN && !group && n < WORDS_MAX)
                words[n++] = "zones";
        words[n] = NULL;
        near = suggest(name, words);
        return refuse_at(p, config_setting_source_line(v), "unknown setting \"%s\"%s%s%s%s%s%s", name,
                         group ? " in " : "", strempty(group), near ? "; did you mean \"" : "",
                         strempty(near), near ? "\"?" : "", near ? "" : "; hagw.conf(5) lists them all");
}

static int parse_group(Parser *p, ConfScope scope, const char *group, void *object,
                       const config_setting_t *g);

static int parse_zones(Parser *p, Config *c, const config_setting_t *v) {
        unsigned line = config_setting_source_line(v);
        int n = config_setting_length(v), r;

        if (!config_setting_is_list(v))
                return refuse_at(
                        p, line,
                        "\"zones\": expected a list of groups, ( { name = \"home.example.com\"; } )");
        if (n > (int) CONF_ZONES_MAX)
                return refuse_at(p, line, "\"zones\": more than %u", CONF_ZONES_MAX);
        c->zones = calloc(MAX(n, 1), sizeof(ConfZone));
        if (!c->zones)
                return -ENOMEM;
        for (int i = 0; i < n; i++) {
                const config_setting_t *e = config_setting_get_elem(v, (unsigned) i);
                ConfZone *z = &c->zones[c->n_zones];

                if (!config_setting_is_group(e))
                        return refuse_at(p, line, "\"zones\": element %d is no group, { name = \"…\"; }",
                                         i + 1);
                c->n_zones++;
                r = conf_set_defaults(CONF_SCOPE_ZONE, z);
                if (r < 0)
                        return r;
                r = parse_group(p, CONF_SCOPE_ZONE, NULL, z, e);
                if (r < 0)
                        return r;
                if (!z->name)
                        return refuse_at(p, config_setting_source_line(e), "a zone needs a \"name\"");
                for (ConfZone *o = c->zones; o < z; o++)
                        if (streq(o->name, z->name))
                                return refuse_at(p, config_setting_source_line(e),
                                                 "zone \"%s\" is listed twice", z->name);
        }
        return 0;
}

static int parse_member(Parser *p, ConfScope scope, const char *group, void *object,
                        const config_setting_t *v) {
        const char *name = config_setting_name(v), *inner;

        for (const ConfSetting *s = conf_settings; s->name; s++)
                if (row_is_in(s, scope, group) && streq(s->name, name))
                        return set_value(p, s, object, v);
        if (!group && scope == CONF_SCOPE_MAIN && streq(name, "zones"))
                return parse_zones(p, object, v);
        inner = find_group(scope, group, name);
        if (inner) {
                if (!config_setting_is_group(v))
                        return refuse_at(p, config_setting_source_line(v), "\"%s\": expected a group, { … }",
                                         name);
                return parse_group(p, scope, inner, object, v);
        }
        return refuse_unknown(p, scope, group, v);
}

static int parse_group(Parser *p, ConfScope scope, const char *group, void *object,
                       const config_setting_t *g) {
        for (int i = 0; i < config_setting_length(g); i++) {
                int r = parse_member(p, scope, group, object, config_setting_get_elem(g, (unsigned) i));
                if (r < 0)
                        return r;
        }
        return 0;
}

int conf_set_defaults(ConfScope scope, void *object) {
        for (const ConfSetting *s = conf_settings; s->name; s++) {
                _cleanup_free_ char *copy = NULL, *reason = NULL;
                const char *values[CONF_LIST_MAX];
                char *state = NULL;
                size_t n = 0;
                int r;

                if (s->scope != scope || !s->fallback || streq(s->fallback, "!"))
                        continue;
                copy = strdup(s->fallback);
                if (!copy)
                        return -ENOMEM;
                for (char *w = strtok_r(copy, " ", &state); w && n < ELEMENTSOF(values);
                     w = strtok_r(NULL, " ", &state))
                        values[n++] = w;
                r = conf_value_set(s, object, values, n, &reason);
                assert(r != -EINVAL); /* a default that its own row refuses */
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One file is one file: an @include would make line numbers and atomic drop-ins lie. */
static const char **refuse_include(config_t *c, const char *dir, const char *path, const char **error) {
        *error = "@include is not supported; hosts stand in hosts.d/*.conf";
        return NULL;
}

static unsigned line_of(const config_setting_t *root, const char *path) {
        const config_setting_t *v = config_setting_lookup((config_setting_t *) root, path);

        return v ? config_setting_source_line(v) : 1;
}

/* Why visitors' paths, decoded, are never like that (hagw-proxyd opens none that others may read otherwise),
 * or why it would open too much. NULL: it is one. */
static const char *open_path_problem(const char *path) {
        if (*path != '/')
                return "does not start with /";
        if (path[1] == '\0')
                return "would open everything; where that is meant, access.login = \"none\" says so";
        for (const char *q = path; *q; q++)
                if ((unsigned char) *q < ' ' || (unsigned char) *q >= 0x7f || strchr("\\;?#%", *q))
                        return "never matches: paths with control characters, \\, ;, ?, #, % or beyond "
                               "ASCII always need the login";
        for (const char *q = path; q; q = strchr(q + 1, '/')) {
                size_t n = strcspn(q + 1, "/");

                if (n == 0 && q[1] == '/')
                        return "never matches: paths with // always need the login";
                if (n > 0 && strspn(q + 1, ". ") >= n)
                        return "never matches: paths with a part of dots and blanks alone always need the "
                               "login";
        }
        return NULL;
}

/* NULL: the file does not say. */
static const config_setting_t *find_setting(const config_setting_t *root, const char *group,
                                            const char *name) {
        const config_setting_t *v = group ? config_setting_get_member(root, group) : root;

        return v ? config_setting_get_member(v, name) : NULL;
}

/* What would never apply is no setting but a misunderstanding. */
static int check_effects(Parser *p, const ConfHost *h, const config_setting_t *root) {
        bool unopened = h->upstream_kind == CONF_UPSTREAM_TCP;
        const config_setting_t *v;

        for (const ConfSetting *s = conf_settings; s->name; s++) {
                if (s->scope != CONF_SCOPE_HOST || s->upstreams == 0 ||
                    s->upstreams & 1U << h->upstream_kind)
                        continue;
                v = find_setting(root, s->group, s->name);
                if (v)
                        return refuse_at(p, config_setting_source_line(v),
                                         "host \"%s\": %s%s%s does nothing with upstream = \"%s\"%s; take "
                                         "it out",
                                         h->name, strempty(s->group), s->group ? "." : "", s->name,
                                         h->upstream, unopened ? ", whose visitors pass unopened" : "");
        }
        if (!unopened || h->access.login == CONF_LOGIN_NONE)
                return 0;
        v = find_setting(root, "access", "login") ?: find_setting(root, NULL, "upstream");
        return refuse_at(p, v ? config_setting_source_line(v) : 1,
                         "host \"%s\": visitors of a tcp:// service pass unopened, so nobody here can ask "
                         "them for a login; if the service does, write access: { login = \"none\"; };",
                         h->name);
}

static int check_host(Parser *p, const ConfHost *h, const config_setting_t *root) {
        int r;

        if (!h->name)
                return refuse_at(p, 1, "a host needs a \"name\"");
        if (!h->upstream)
                return refuse_at(p, 1,
                                 "host \"%s\" needs an \"upstream\", such as \"http://192.168.1.4:8123\"",
                                 h->name);
        r = check_effects(p, h, root);
        if (r < 0)
                return r;
        if (h->tls.verify == CONF_VERIFY_CA && !h->tls.ca_file)
                return refuse_at(p, line_of(root, "tls.verify"),
                                 "host \"%s\": tls.verify = \"ca\" needs tls.ca_file", h->name);
        for (char **q = h->access.open_paths; q && *q; q++) {
                const char *why = open_path_problem(*q);
                if (why)
                        return refuse_at(p, line_of(root, "access.open_paths"),
                                         "host \"%s\": open path \"%s\" %s", h->name, *q, why);
        }
        return 0;
}

static int parse_host(Parser *p, Config *c, const config_setting_t *root) {
        ConfHost *h, *grown;
        int r;

        if (c->n_hosts >= CONF_HOSTS_MAX)
                return refuse_at(p, 1, "more than %u hosts", CONF_HOSTS_MAX);
        grown = reallocarray(c->hosts, c->n_hosts + 1, sizeof(ConfHost));
        if (!grown)
                return -ENOMEM;
        c->hosts = grown;
        h = &c->hosts[c->n_hosts++];
        *h = (ConfHost) {};
        h->file = strdup(p->file);
        if (!h->file)
                return -ENOMEM;
        r = conf_set_defaults(CONF_SCOPE_HOST, h);
        if (r < 0)
                return r;
        r = parse_group(p, CONF_SCOPE_HOST, NULL, h, root);
        if (r < 0)
                return r;
        return check_host(p, h, root);
}

static int refuse_syntax(Parser *p, const char *text, unsigned line, const char *what) {
        char where[CONF_WHERE_MAX] = "";

        if (streq(what, "syntax error"))
                line = conf_where(text, line, where);
        return refuse_at(p, line, "%s%s", what, where);
}

int config_parse_text(const char *text, const char *file, bool host, Config *c, char **ret_error) {
        Parser p = { .file = file, .error = ret_error };
        config_t lib;
        int r;

        config_init(&lib);
        config_set_include_func(&lib, refuse_include);
        if (config_read_string(&lib, text) != CONFIG_TRUE)
                r = refuse_syntax(&p, text, (unsigned) MAX(config_error_line(&lib), 0),
                                  config_error_text(&lib));
        else if (host)
                r = parse_host(&p, c, config_root_setting(&lib));
        else {
                c->blank = config_setting_length(config_root_setting(&lib)) == 0;
                r = parse_group(&p, CONF_SCOPE_MAIN, NULL, c, config_root_setting(&lib));
        }
        config_destroy(&lib);
        return r;
}
