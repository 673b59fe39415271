/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One setting's value: checks text against the setting's type and stores it. No I/O. */

#include <stdarg.h>
#include <stdio.h>

#include "libhagw/conf-value.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/strv.h"

#define FIELD(object, s, type) (*(type *) ((char *) (object) + (s)->offset))

typedef struct Unit {
        const char *suffix;
        uint64_t factor;
} Unit;

static int parse_with_units(const char *text, const Unit *units, uint64_t *ret) {
        unsigned long long v;
        char *end;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        errno = 0;
        v = strtoull(text, &end, 10);
        if (errno == ERANGE)
                return -ERANGE;
        end += strspn(end, " ");
        for (; units->suffix; units++)
                if (streq(end, units->suffix)) {
                        uint64_t product;

                        if (__builtin_mul_overflow((uint64_t) v, units->factor, &product))
                                return -ERANGE;
                        *ret = product;
                        return 0;
                }
        return -EINVAL;
}

int conf_parse_usec(const char *s, uint64_t *ret) {
        static const Unit units[] = {
                { "", USEC_PER_SEC },       { "s", USEC_PER_SEC },     { "ms", USEC_PER_MSEC },
                { "min", USEC_PER_MINUTE }, { "m", USEC_PER_MINUTE },  { "h", USEC_PER_HOUR },
                { "d", USEC_PER_DAY },      { "w", 7 * USEC_PER_DAY }, {},
        };
        return parse_with_units(s, units, ret);
}

int conf_parse_bytes(const char *s, uint64_t *ret) {
        static const Unit units[] = {
                { "", 1 }, { "K", 1024 }, { "M", 1024 * 1024 }, { "G", 1024 * 1024 * 1024 },
                { "T", 1024ULL * 1024 * 1024 * 1024 }, {}
        };
        return parse_with_units(s, units, ret);
}

static int refuse(char **ret_reason, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        if (vasprintf(ret_reason, format, ap) < 0)
                *ret_reason = NULL;
        va_end(ap);
        return -EINVAL;
}

static int store_string(const ConfSetting *s, void *object, const char *value) {
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(FIELD(object, s, char *));
        FIELD(object, s, char *) = copy;
        return 0;
}

static int set_bool(const ConfSetting *s, void *object, const char *v, char **reason) {
        bool yes = streq(v, "true"), no = streq(v, "false");

        if (!yes && !no)
                return refuse(reason, "expected true or false");
        FIELD(object, s, bool) = yes;
        return 0;
}

static int set_number(const ConfSetting *s, void *object, const char *v, char **reason) {
        static const Unit plain[] = { { "", 1 }, {} };
        uint64_t n;
        int r;

        r = s->type == CONF_USEC    ? conf_parse_usec(v, &n)
            : s->type == CONF_BYTES ? conf_parse_bytes(v, &n)
                                    : parse_with_units(v, plain, &n);
        if (r == -EINVAL)
                return refuse(reason, "expected a %s", conf_type_text(s->type));
        if (r < 0 || n < s->min || n > s->max) {
                const char *unit = s->type == CONF_USEC ? " seconds" : s->type == CONF_BYTES ? " bytes" : "";
                double scale = s->type == CONF_USEC ? 1e6 : 1;
                return refuse(reason, "expected %g to %g%s", (double) s->min / scale,
                              (double) s->max / scale, unit);
        }
        if (s->type == CONF_UINT)
                FIELD(object, s, unsigned) = (unsigned) n;
        else
                FIELD(object, s, uint64_t) = n;
        return 0;
}

static int set_choice(const ConfSetting *s, void *object, const char *v, char **reason) {
        char list[256] = "";

        for (int i = 0; s->choices[i]; i++) {
                if (streq(v, s->choices[i])) {
                        if (s->type == CONF_WORD)
                                return store_string(s, object, v);
                        FIELD(object, s, int) = i;
                        return 0;
                }
                strncat(list, i > 0 ? ", " : "", sizeof(list) - strlen(list) - 1);
                strncat(list, s->choices[i], sizeof(list) - strlen(list) - 1);
        }
        return refuse(reason, "expected one of: %s", list);
}

static int set_hostname(const ConfSetting *s, void *object, const char *v, char **reason) {
        char name[HOSTNAME_MAX + 3] = "*.", why[HOSTNAME_WHY_MAX];
        const char *rest = s->type == CONF_PATTERN ? startswith(v, "*.") : NULL;
        int r;

        r = hostname_normalize(rest ?: v, strlen(rest ?: v), name + (rest ? 2 : 0));
        if (r < 0 && hostname_why(rest ?: v, strlen(rest ?: v), why))
                return refuse(reason, "this cannot be a host name: %s", why);
        if (r < 0)
                return refuse(reason, "expected a host name: labels of letters, digits and hyphens with "
                                      "dots between them");
        return store_string(s, object, name);
}

static int set_strings(const ConfSetting *s, void *object, const char *const *values, size_t n) {
        char **list;

        list = calloc(n + 1, sizeof(char *));
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                list[i] = strdup(values[i]);
                if (!list[i]) {
                        for (size_t k = 0; k < i; k++)
                                free(list[k]);
                        free(list);
                        return -ENOMEM;
                }
        }
        conf_value_free(s, object);
        FIELD(object, s, char **) = list;
        return 0;
}

static int set_hostnames(const ConfSetting *s, void *object, const char *const *values, size_t n,
                         char **reason) {
        char names[CONF_EMBEDDERS_MAX][HOSTNAME_MAX + 1], why[HOSTNAME_WHY_MAX] = "";
        const char *list[CONF_EMBEDDERS_MAX];

        if (n > s->max)
                return refuse(reason, "expected %llu host names at most", (unsigned long long) s->max);
        for (size_t i = 0; i < n; i++) {
                if (hostname_normalize(values[i], strlen(values[i]), names[i]) <= 0 ||
                    !strchr(names[i], '.')) {
                        (void) hostname_why(values[i], strlen(values[i]), why);
                        return refuse(reason, "\"%s\" is no host name with its domain%s%s", values[i],
                                      *why ? ": " : "", why);
                }
                list[i] = names[i];
        }
        return set_strings(s, object, list, n);
}

/* Blanks and what a terminal obeys stand in no address, and a sign in front would be an option. */
static bool target_is_valid(const char *s) {
        const char *rest;

        if (strlen(s) >= CONF_TARGET_SIZE)
                return false;
        for (const char *p = s; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return false;
        if ((rest = startswith(s, "command:")))
                return *rest == '/';
        if (strchr(s, ' '))
                return false;
        if ((rest = startswith(s, "mailto:")))
                return *rest != '-' && *rest != '@' && strchr(rest, '@') && strchr(rest, '@')[1] != '\0' &&
                       !strpbrk(rest, ",;<>()\"");
        rest = startswith(s, "https://") ?: startswith(s, "http://");
        return rest && *rest && *rest != '/';
}

static int set_targets(const ConfSetting *s, void *object, const char *const *values, size_t n,
                       char **reason) {
        if (n > s->max)
                return refuse(reason, "expected %llu targets at most", (unsigned long long) s->max);
        for (size_t i = 0; i < n; i++)
                if (!target_is_valid(values[i]))
                        return refuse(reason, "element %zu is none: expected \"mailto:ADDRESS\", "
                                      "\"https://HOST/…\" or \"command:/PROGRAM\"", i + 1);
        return set_strings(s, object, values, n);
}

static int set_cidrs(const ConfSetting *s, void *object, const char *const *values, size_t n,
                     char **reason) {
        _cleanup_free_ Cidr *list = NULL;
        ConfCidrs *field = &FIELD(object, s, ConfCidrs);

        list = calloc(MAX(n, (size_t) 1), sizeof(Cidr));
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (cidr_parse(values[i], &list[i]) < 0)
                        return refuse(reason,
                                      "\"%s\" is no network: expected e.g. 192.168.0.0/16 or fd00::/8, host "
                                      "bits zero",
                                      values[i]);
        free(field->items);
        *field = (ConfCidrs) { .items = TAKE_PTR(list), .n = n };
        return 0;
}

static int parse_port(const char *s, uint16_t *ret) {
        static const Unit plain[] = { { "", 1 }, {} };
        uint64_t n;

        if (parse_with_units(s, plain, &n) < 0 || n == 0 || n > UINT16_MAX)
                return -EINVAL;
        *ret = (uint16_t) n;
        return 0;
}

/* One label, normalized: a tenant's name. */
static int read_label(const char *v, char **ret, char **reason) {
        char name[HOSTNAME_MAX + 1];

        if (strchr(v, '.') || hostname_normalize(v, strlen(v), name) < 0)
                return refuse(reason, "expected a %s", conf_type_text(CONF_LABEL));
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

int conf_split_authority(const char *v, char **ret_host, uint16_t *port, char **reason) {
        char name[HOSTNAME_MAX + 1], why[HOSTNAME_WHY_MAX];
        const char *end, *rest;
        _cleanup_free_ char *host = NULL;
        IpAddress a;

        if (strchr(v, '@'))
                return refuse(reason, "an address has no user and no password here; who asks for them is "
                                      "the service itself");
        if (*v == '[') {
                end = strchr(v, ']');
                if (!end)
                        return refuse(reason, "the bracket before the IPv6 address is not closed");
                host = strndup(v + 1, (size_t) (end - v) - 1);
                rest = end + 1;
        } else {
                end = v + strcspn(v, ":/");
                host = strndup(v, (size_t) (end - v));
                rest = end;
        }
        if (!host)
                return -ENOMEM;
        if (ip_parse(host, &a) < 0) {
                if (*v != '[' && hostname_why(host, strlen(host), why))
                        return refuse(reason, "\"%s\" cannot be a host name: %s", host, why);
                if (*v == '[' || hostname_normalize(host, strlen(host), name) < 0)
                        return refuse(reason, "\"%s\" is neither a host name nor an address", host);
                strcpy(host, name);
        }
        if (*rest == ':') {
                _cleanup_free_ char *digits = strndup(rest + 1, strcspn(rest + 1, "/"));

                if (!digits)
                        return -ENOMEM;
                if (parse_port(digits, port) < 0)
                        return refuse(reason, "\"%s\" is no port: expected 1 to 65535", digits);
                rest += 1 + strlen(digits);
        }
        if (*rest && !streq(rest, "/"))
                return refuse(reason, "an upstream has no path: drop \"%s\"", rest);
        *ret_host = TAKE_PTR(host);
        return 0;
}

static int set_upstream(const ConfSetting *s, void *object, const char *v, char **reason) {
        ConfHost *h = object;
        _cleanup_free_ char *host = NULL;
        uint16_t port = 0;
        const char *rest;
        int kind, r;

        if ((rest = startswith(v, "http://"))) {
                kind = CONF_UPSTREAM_HTTP;
                port = 80;
        } else if ((rest = startswith(v, "https://"))) {
                kind = CONF_UPSTREAM_HTTPS;
                port = 443;
        } else if ((rest = startswith(v, "unix:"))) {
                kind = CONF_UPSTREAM_UNIX;
                if (*rest != '/' || strlen(rest) > 107)
                        return refuse(reason, "expected an absolute path of at most 107 bytes behind unix:");
                host = strdup(rest);
                if (!host)
                        return -ENOMEM;
        } else if ((rest = startswith(v, "tcp://")))
                kind = CONF_UPSTREAM_TCP;
        else if ((rest = startswith(v, "tenant:"))) {
                kind = CONF_UPSTREAM_TENANT;
                r = read_label(rest, &host, reason);
                if (r < 0)
                        return r;
        } else
                return refuse(reason, "expected %s", conf_type_text(CONF_UPSTREAM));
        if (!host) {
                r = conf_split_authority(rest, &host, &port, reason);
                if (r < 0)
                        return r;
        }
        if (kind == CONF_UPSTREAM_TCP && port == 0)
                return refuse(reason, "tcp:// has no port of its own: expected tcp://HOST:PORT");
        r = store_string(s, object, v);
        if (r < 0)
                return r;
        free(h->upstream_host);
        h->upstream_host = TAKE_PTR(host);
        h->upstream_kind = kind;
        h->upstream_port = port;
        return 0;
}

static int set_source(const ConfSetting *s, void *object, const char *v, char **reason) {
        char name[HOSTNAME_MAX + 1];
        const char *rest;
        IpAddress a;
        bool ok;

        if ((rest = startswith(v, "static:")))
                ok = ip_parse(rest, &a) >= 0 && a.family == (streq(s->name, "ipv4") ? AF_INET : AF_INET6);
        else if ((rest = startswith(v, "resolve:")))
                ok = hostname_normalize(rest, strlen(rest), name) >= 0;
        else if ((rest = startswith(v, "interface:")))
                ok = *rest && strlen(rest) < 16;
        else
                ok = streq(v, "none") || streq(v, "interface");
        if (!ok)
                return refuse(reason, "expected %s", conf_type_text(CONF_SOURCE));
        return store_string(s, object, v);
}

static int set_url(const ConfSetting *s, void *object, const char *v, char **reason) {
        if (streq(v, "letsencrypt"))
                v = "https://acme-v02.api.letsencrypt.org/directory";
        else if (streq(v, "letsencrypt-staging"))
                v = "https://acme-staging-v02.api.letsencrypt.org/directory";
        else if (!startswith(v, "https://") || strpbrk(v, " \t\r\n"))
                return refuse(reason, "expected %s", conf_type_text(CONF_URL));
        return store_string(s, object, v);
}

static int set_path(const ConfSetting *s, void *object, const char *v, char **reason) {
        if (*v != '/')
                return refuse(reason, "expected an absolute file name, starting with /");
        return store_string(s, object, v);
}

static int set_authority(const ConfSetting *s, void *object, const char *v, char **reason) {
        _cleanup_free_ char *host = NULL, *text = NULL;
        uint16_t port = 0;
        int r;

        r = conf_split_authority(v, &host, &port, reason);
        if (r < 0)
                return r;
        text = strndup(v, strcspn(v, "/"));
        return text ? store_string(s, object, text) : -ENOMEM;
}

static int set_label(const ConfSetting *s, void *object, const char *v, char **reason) {
        _cleanup_free_ char *label = NULL;
        int r;

        r = read_label(v, &label, reason);
        return r < 0 ? r : store_string(s, object, label);
}

/* 32 bytes are 43 characters of base64 and one for padding. */
static int set_pin(const ConfSetting *s, void *object, const char *v, char **reason) {
        const char *rest = startswith(v, "sha256:");

        if (!rest || strlen(rest) != 44 || rest[43] != '=' ||
            strspn(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != 43)
                return refuse(reason, "expected %s", conf_type_text(CONF_PIN));
        return store_string(s, object, v);
}

int conf_value_set(const ConfSetting *s, void *object, const char *const *values, size_t n,
                   char **ret_reason) {
        if (s->type == CONF_STRINGS)
                return set_strings(s, object, values, n);
        if (s->type == CONF_HOSTNAMES)
                return set_hostnames(s, object, values, n, ret_reason);
        if (s->type == CONF_TARGETS)
                return set_targets(s, object, values, n, ret_reason);
        if (s->type == CONF_CIDRS)
                return set_cidrs(s, object, values, n, ret_reason);
        if (n != 1)
                return refuse(ret_reason, "expected one value, not a list");
        switch (s->type) {
        case CONF_STRING:
                return store_string(s, object, values[0]);
        case CONF_BOOL:
                return set_bool(s, object, values[0], ret_reason);
        case CONF_UINT:
        case CONF_USEC:
        case CONF_BYTES:
                return set_number(s, object, values[0], ret_reason);
        case CONF_ENUM:
        case CONF_WORD:
                return set_choice(s, object, values[0], ret_reason);
        case CONF_HOSTNAME:
        case CONF_PATTERN:
                return set_hostname(s, object, values[0], ret_reason);
        case CONF_UPSTREAM:
                return set_upstream(s, object, values[0], ret_reason);
        case CONF_SOURCE:
                return set_source(s, object, values[0], ret_reason);
        case CONF_URL:
                return set_url(s, object, values[0], ret_reason);
        case CONF_PATH:
                return set_path(s, object, values[0], ret_reason);
        case CONF_AUTHORITY:
                return set_authority(s, object, values[0], ret_reason);
        case CONF_LABEL:
                return set_label(s, object, values[0], ret_reason);
        case CONF_PIN:
                return set_pin(s, object, values[0], ret_reason);
        default:
                return -EINVAL;
        }
}

void conf_value_free(const ConfSetting *s, void *object) {
        switch (s->type) {
        case CONF_BOOL:
        case CONF_UINT:
        case CONF_USEC:
        case CONF_BYTES:
        case CONF_ENUM:
                return;
        case CONF_STRINGS:
        case CONF_TARGETS:
        case CONF_HOSTNAMES:
                FIELD(object, s, char **) = strv_free(FIELD(object, s, char **));
                return;
        case CONF_CIDRS:
                free(FIELD(object, s, ConfCidrs).items);
                FIELD(object, s, ConfCidrs) = (ConfCidrs) {};
                return;
        default:
                free(FIELD(object, s, char *));
                FIELD(object, s, char *) = NULL;
        }
}
