/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The settings that a daemon reads, as a number: whoever has the files can tell whether it has taken them
 * over. It goes by the table of settings, so that a new one counts by its row. */

#include <inttypes.h>
#include <stdio.h>

#include "libhagw/conf-digest.h"
#include "libhagw/conf-schema.h"
#include "libhagw/pure/siphash.h"

#define FIELD(object, s, type) (*(type const *) ((const uint8_t *) (object) + (s)->offset))

/* Whoever is not among them reads what all of them do, and of zones and hosts nothing. */
static const struct {
        const char *daemon;
        ConfReader reader;
} readers[] = {
        { "hagw-dnsd", CONF_READER_DNSD },     { "hagw-netd", CONF_READER_NETD },
        { "hagw-acmed", CONF_READER_ACMED },   { "hagw-proxyd", CONF_READER_PROXYD },
        { "hagw-webd", CONF_READER_WEBD },     { "hagw-tenantd", CONF_READER_TENANTD },
};

static bool is_read(const ConfSetting *s, const char *daemon) {
        for (size_t i = 0; i < ELEMENTSOF(readers); i++)
                if (streq(readers[i].daemon, daemon))
                        return s->readers & readers[i].reader;
        return s->scope == CONF_SCOPE_MAIN && s->readers == CONF_READER_ALL;
}

static void mix(uint64_t *digest, const void *data, size_t size) {
        uint8_t key[SIPHASH_KEY_SIZE];
        const uint64_t parts[] = { *digest, size };

        static_assert(sizeof(parts) == sizeof(key));
        memcpy(key, parts, sizeof(key));
        *digest = siphash24(data, size, key);
}

static void mix_number(uint64_t *digest, uint64_t n) {
        mix(digest, &n, sizeof(n));
}

static void mix_text(uint64_t *digest, const char *text) {
        mix_number(digest, !!text);
        mix(digest, strempty(text), strlen(strempty(text)));
}

static void mix_list(uint64_t *digest, char *const *list) {
        for (; list && *list; list++)
                mix_text(digest, *list);
        mix_text(digest, NULL);
}

static void mix_value(uint64_t *digest, const ConfSetting *s, const void *object) {
        const ConfCidrs *cidrs;

        switch (s->type) {
        case CONF_BOOL:
                return mix_number(digest, FIELD(object, s, bool));
        case CONF_UINT:
                return mix_number(digest, FIELD(object, s, unsigned));
        case CONF_USEC:
        case CONF_BYTES:
                return mix_number(digest, FIELD(object, s, uint64_t));
        case CONF_ENUM:
                return mix_number(digest, (uint64_t) FIELD(object, s, int));
        case CONF_STRINGS:
        case CONF_TARGETS:
        case CONF_HOSTNAMES:
                return mix_list(digest, FIELD(object, s, char *const *));
        case CONF_CIDRS:
                cidrs = &FIELD(object, s, ConfCidrs);
                mix_number(digest, cidrs->n);
                for (size_t i = 0; i < cidrs->n; i++) {
                        char text[IP_TEXT_MAX];

                        mix_text(digest, ip_format(&cidrs->items[i].address, text));
                        mix_number(digest, cidrs->items[i].prefix);
                }
                return;
        default:
                mix_text(digest, FIELD(object, s, char *));
        }
}

static void mix_object(uint64_t *digest, ConfScope scope, const void *object, const char *daemon) {
        for (const ConfSetting *s = conf_settings; s->name; s++)
                if (s->scope == scope && is_read(s, daemon))
                        mix_value(digest, s, object);
}

ConfDigest config_digest(const Config *c, const char *daemon) {
        ConfDigest d = {};

        mix_object(&d.main, CONF_SCOPE_MAIN, c, daemon);
        for (size_t i = 0; i < c->n_zones; i++)
                mix_object(&d.main, CONF_SCOPE_ZONE, &c->zones[i], daemon);
        for (size_t i = 0; i < c->n_hosts; i++)
                mix_object(&d.hosts, CONF_SCOPE_HOST, &c->hosts[i], daemon);
        return d;
}

const char *conf_digest_text(uint64_t digest, char out[static CONF_DIGEST_TEXT_MAX]) {
        (void) snprintf(out, CONF_DIGEST_TEXT_MAX, "%016" PRIx64, digest);
        return out;
}
