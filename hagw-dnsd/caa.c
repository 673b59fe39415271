/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An authority climbs from a name to the first that has CAA records. So the zone's own stand at its top; a
 * name with other rules has records of its own, and a name below one of those has the zone's again. */

#include "hagw-dnsd/caa.h"
#include "hagw-dnsd/publisher.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/siphash.h"

#define RECORD_SIZE 24U /* octets of a record besides its value, about */

static const uint8_t no_key[SIPHASH_KEY_SIZE];

/* What an authority finds when it has climbed to the zone. */
typedef enum ZoneRule {
        ZONE_FREE, /* nothing that restricts */
        ZONE_UNKNOWN,
        ZONE_RESTRICTED,
} ZoneRule;

typedef struct Job {
        const CaaSource *source;
        const ConfZone *zone;
        const char *name;
        const Account *account; /* NULL: the name is no tenant's, or its tenant has none */
        const ConfHost *host;   /* that serves the name, or NULL */
        const ConfHost *below;  /* "*.NAME", or NULL: its certificate asks about the name, too */
        CaaEmit emit;
        void *userdata;
        unsigned n;
} Job;

/* --- hosts --------------------------------------------------------------------------------------------- */

static bool is_kind(const ConfHost *h, ConfUpstreamKind kind) {
        return h && h->upstream_kind == (int) kind;
}

/* Its visitors' TLS passes unopened: the certificate is not ours to order. */
static bool host_passes(const ConfHost *h) {
        return is_kind(h, CONF_UPSTREAM_TCP);
}

/* The exact one beats the pattern. */
static void find_hosts(Job *j) {
        const Names *n = j->source->names;
        const char *above = names_above(j->name);

        j->below = names_pattern(n, j->name);
        j->host = names_host(n, j->name) ?: above ? names_pattern(n, above) : NULL;
}

/* An authority that climbs from the name meets a passing host's records before the zone's. */
static bool is_below_passing(const Job *j) {
        const Names *n = j->source->names;
        const size_t zone = strlen(j->zone->name);
        const char *base = names_above(j->name);
        unsigned labels = names_labels(j->name);

        for (; base && strlen(base) >= zone; base = names_above(base)) {
                /* Deeper than any host: not worth a look. */
                if (--labels > n->labels_max)
                        continue;
                if (host_passes(names_host(n, base)) || host_passes(names_pattern(n, base)))
                        return true;
        }
        return false;
}

/* --- lines --------------------------------------------------------------------------------------------- */

static void emit(Job *j, const char *tag, const char *value) {
        j->emit(tag, value, j->userdata);
        j->n++;
}

static void emit_list(Job *j, const char *tag, char *const *values) {
        for (; values && *values; values++)
                if (!streq(*values, CONF_CAA_OURS))
                        emit(j, tag, *values);
}

static void emit_ours(Job *j, const char *tag) {
        const CaaOurs *o = j->source->ours;

        for (size_t i = 0; o->knowledge == CAA_KNOWN && i < o->n; i++)
                emit(j, tag, o->values[i]);
}

static void emit_account(Job *j, const char *tag) {
        const char *value = j->account->values;

        for (unsigned i = 0; i < j->account->n; i++) {
                emit(j, tag, value);
                value += strlen(value) + 1;
        }
}

static ZoneRule zone_rule(const Job *j) {
        char *const *list = j->zone->caa_issuers;
        const CaaOurs *o = j->source->ours;

        if (!list || !*list)
                return ZONE_FREE;
        if (!conf_zone_has_ours(j->zone))
                return ZONE_RESTRICTED;
        if (o->knowledge != CAA_KNOWN)
                return o->knowledge == CAA_UNKNOWN ? ZONE_UNKNOWN : ZONE_FREE;
        return o->n > 0 || list[1] ? ZONE_RESTRICTED : ZONE_FREE;
}

static int emit_zone(Job *j, const char *tag) {
        switch (zone_rule(j)) {
        case ZONE_FREE:
                return 0;
        case ZONE_UNKNOWN:
                return -ENODATA;
        case ZONE_RESTRICTED:
                emit_list(j, tag, j->zone->caa_issuers);
                if (conf_zone_has_ours(j->zone))
                        emit_ours(j, tag);
                return 0;
        }
        assert(false);
        return -EINVAL;
}

static void emit_free(Job *j) {
        if (j->account || zone_rule(j) != ZONE_FREE)
                emit(j, CAA_FREE_TAG, CAA_FREE_VALUE);
}

/* --- names --------------------------------------------------------------------------------------------- */

/* Left alone, until its owner says who may. */
static int find_passing(Job *j) {
        if (j->host->caa && *j->host->caa)
                emit_list(j, "issue", j->host->caa);
        else
                emit_free(j);
        return 0;
}

/* The name above a passing pattern. No record says "anybody for wildcards only", so the name is left alone
 * with it. */
static int find_above_passing(Job *j) {
        int r = 0;

        if (!j->below->caa || !*j->below->caa) {
                emit_free(j);
                return 0;
        }
        if (j->account)
                emit_account(j, "issue");
        else
                r = emit_zone(j, "issue");
        emit_list(j, "issuewild", j->below->caa);
        return r;
}

/* The tenant's machines; this one where it has the tenant's visitors opened here, at exactly that name. */
static int find_tenants(Job *j) {
        const bool exact = is_kind(j->host, CONF_UPSTREAM_TENANT) && streq(j->host->name, j->name),
                   below = is_kind(j->below, CONF_UPSTREAM_TENANT);

        /* Nothing may be told beside a failure. */
        if ((exact || below) && j->source->ours->knowledge == CAA_UNKNOWN)
                return -ENODATA;
        emit_account(j, "issue");
        if (exact)
                emit_ours(j, "issue");
        if (below) {
                emit_account(j, "issuewild");
                emit_ours(j, "issuewild");
        }
        return 0;
}

static int find_at_name(Job *j, bool handed_on) {
        if (host_passes(j->host))
                return find_passing(j);
        if (host_passes(j->below))
                return find_above_passing(j);
        if (j->account)
                return find_tenants(j);
        if (handed_on) {
                emit_free(j);
                return 0;
        }
        return streq(j->name, j->zone->name) || is_below_passing(j) ? emit_zone(j, "issue") : 0;
}

int caa_find(const CaaSource *s, const char *zone, const char *name, CaaEmit emit_record, void *userdata) {
        Job j = { .source = s, .zone = names_zone(s->names, zone), .name = name, .emit = emit_record,
                  .userdata = userdata };
        const char *tenants = publisher_tenants_name(s->names, name);
        char label[HOSTNAME_MAX + 1] = "";
        int r;

        if (!j.zone)
                return 0;
        if (tenants) {
                memcpy(label, tenants, strcspn(tenants, "."));
                j.account = accounts_find(s->tenants, label);
        }
        find_hosts(&j);
        r = find_at_name(&j, tenants != NULL);
        return r < 0 ? r : j.n > 0;
}

/* --- the configuration --------------------------------------------------------------------------------- */

bool caa_wants_ours(const Config *c) {
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT && conf_zone_has_ours(&c->zones[i]))
                        return true;
        for (size_t i = 0; i < c->n_hosts; i++)
                if (is_kind(&c->hosts[i], CONF_UPSTREAM_TENANT))
                        return true;
        return false;
}

int caa_check(const ConfZone *zone) {
        size_t size = 0;

        for (char *const *p = zone->caa_issuers; p && *p; p++)
                size += RECORD_SIZE + strlen(*p);
        return size > CAA_ZONE_MAX ? -E2BIG : 0;
}

static uint64_t hash_list(uint64_t h, char *const *list) {
        for (; list && *list; list++)
                h = h * 31 + siphash24(*list, strlen(*list), no_key);
        return h;
}

uint64_t caa_hash(const Names *n, const ConfZone *zone) {
        uint64_t h = hash_list(0, zone->caa_issuers);
        const ZoneMember *members;
        size_t n_members;

        members = names_members(n, zone, &n_members);
        for (size_t i = 0; i < n_members; i++) {
                const ConfHost *host = members[i].host;

                if (host_passes(host) || is_kind(host, CONF_UPSTREAM_TENANT))
                        h = hash_list(h * 31 + siphash24(host->name, strlen(host->name), no_key) +
                                              (uint64_t) host->upstream_kind,
                                      host->caa);
        }
        return h;
}
