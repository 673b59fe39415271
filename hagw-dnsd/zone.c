/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zones: which names there are. The records are prepared in zone-records.c. */

#include "libhagw/pure/siphash.h"
#include "hagw-dnsd/zone.h"
#include "hagw-dnsd/zone-records.h"

static const uint8_t
        no_key[SIPHASH_KEY_SIZE]; /* the names come from the configuration: nobody aims at a bucket */

/* --- the table of names -------------------------------------------------------------------------------- */

static ZoneNode *node_slot(const Zone *z, const uint8_t *name, size_t size) {
        size_t i = siphash24(name, size, no_key) & (z->allocated - 1);

        while (z->nodes[i].name && (z->nodes[i].size != size || memcmp(z->nodes[i].name, name, size) != 0))
                i = (i + 1) & (z->allocated - 1);
        return &z->nodes[i];
}

static const ZoneNode *node_find(const Zone *z, const uint8_t *name, size_t size) {
        const ZoneNode *n = node_slot(z, name, size);

        return n->name ? n : NULL;
}

/* Adds the name and the empty ones between it and the zone (RFC 4592 section 2.2.2). name stays valid: it is
 * in the arena. */
static int node_add(Zone *z, const uint8_t *name, size_t size, bool has_address) {
        const unsigned labels = dname_labels(name);

        z->labels_max = MAX(z->labels_max, (uint8_t) labels);
        while (size > z->name_size) {
                ZoneNode *n = node_slot(z, name, size);
                if (n->name && !has_address)
                        return 0;
                if (!n->name) {
                        if (++z->n_nodes > ZONE_NODES_MAX)
                                return -E2BIG;
                        *n = (ZoneNode) { .name = name, .size = (uint8_t) size };
                }
                n->has_address |= has_address;
                has_address = false;
                size -= 1U + *name;
                name += 1U + *name;
        }
        return 0;
}

static int zone_add_names(Zone *z, const char *const *names, size_t n, bool has_address,
                          size_t *arena_used) {
        for (size_t i = 0; i < n; i++) {
                uint8_t *name = z->arena + *arena_used;
                int size, r;

                size = dname_from_text(names[i], name);
                if (size < 0)
                        return size;
                *arena_used += (size_t) size;
                if (!dname_in_zone(name, (size_t) size, z->name, z->name_size))
                        return -EINVAL;
                r = node_add(z, name, (size_t) size, has_address);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* How many nodes the names need at most: one for each label below the zone. */
static size_t count_labels(const Zone *z, const char *const *names, size_t n) {
        size_t labels = 0;

        for (size_t i = 0; i < n; i++) {
                size_t of_name = 1;

                for (const char *p = names[i]; *p; p++)
                        of_name += *p == '.';
                labels += of_name > z->labels ? of_name - z->labels : 0;
        }
        return labels;
}

/* At most half full, so that looks stay short; at most as large as the largest zone needs. */
static size_t table_size(const Zone *z, const ZoneDescription *d) {
        const size_t most = MIN(count_labels(z, d->hosts, d->n_hosts) + count_labels(z, &d->name_server, 1) +
                                        count_labels(z, d->children, d->n_children),
                                (size_t) ZONE_NODES_MAX);
        size_t n = 8;

        while (n < 2 * most)
                n *= 2;
        return n;
}

static int zone_make_nodes(Zone *z, const ZoneDescription *d) {
        const size_t names = d->n_hosts + d->n_children + 1;
        size_t used = 0;
        int r;

        if (names > ZONE_NODES_MAX)
                return -E2BIG;
        z->allocated = table_size(z, d);
        z->nodes = calloc(z->allocated, sizeof(ZoneNode));
        z->arena = calloc(names, DNAME_MAX);
        if (!z->nodes || !z->arena)
                return -ENOMEM;
        r = zone_add_names(z, d->hosts, d->n_hosts, /* has_address= */ true, &used);
        if (r < 0)
                return r;
        /* A name server outside of this zone is no name of it. */
        (void) zone_add_names(z, &d->name_server, 1, /* has_address= */ true, &used);
        return zone_add_names(z, d->children, d->n_children, /* has_address= */ false, &used);
}

/* --- the zone ------------------------------------------------------------------------------------------ */

static void zone_make_hash(Zone *z) {
        z->hash = siphash24(z->name, z->name_size, no_key) ^ z->any;
        z->hash += ((uint64_t) z->unasked[ZONE_A] << 1) + ((uint64_t) z->unasked[ZONE_AAAA] << 2);
        for (size_t i = 0; i < _ZONE_RECORDS_MAX; i++)
                z->hash = rotate_hash(z->hash) ^ siphash24(z->records[i].data, z->records[i].size, no_key);
        /* Sums do not depend on the order in which the table holds the nodes. */
        for (size_t i = 0; i < z->allocated; i++)
                if (z->nodes[i].name)
                        z->hash += siphash24(z->nodes[i].name, z->nodes[i].size, no_key) |
                                   z->nodes[i].has_address;
}

static int zone_take_name_server(Zone *z, const ZoneDescription *d) {
        int r;

        z->unasked[ZONE_A] = d->unasked[0];
        z->unasked[ZONE_AAAA] = d->unasked[1];
        r = dname_from_text(d->name_server, z->name_server);
        if (r < 0)
                return r;
        for (size_t i = 0; i < d->n_hosts; i++)
                if (streq(d->hosts[i], d->name_server))
                        return 0;
        z->name_server_size = (uint8_t) r;
        return 0;
}

bool zone_is_unasked(const Zone *z, ZoneRecordsKind kind, const uint8_t *name, size_t size) {
        return z->unasked[kind] && size == z->name_server_size && size > z->name_size &&
               memcmp(name, z->name_server, size) == 0;
}

int zone_new(const ZoneDescription *d, Zone **ret) {
        _cleanup_(zone_freep) Zone *z = NULL;
        int r;

        z = calloc(1, sizeof(*z));
        if (!z)
                return -ENOMEM;
        r = dname_from_text(d->name, z->name);
        if (r < 0)
                return r;
        z->seen = calloc(1, sizeof(*z->seen));
        if (!z->seen)
                return -ENOMEM;
        z->name_size = (uint8_t) r;
        z->labels = (uint8_t) dname_labels(z->name);
        z->any = d->any;
        z->knowledge[ZONE_A] = d->ipv4.knowledge;
        z->knowledge[ZONE_AAAA] = d->ipv6.knowledge;
        r = zone_records_make(z, d);
        if (r < 0)
                return r;
        if (!d->any) {
                r = zone_make_nodes(z, d);
                if (r < 0)
                        return r;
        }
        r = zone_take_name_server(z, d);
        if (r < 0)
                return r;
        z->caa_ttl_sec = d->caa_ttl_sec;
        zone_make_hash(z);
        z->hash += d->caa_hash;
        *ret = TAKE_PTR(z);
        return 0;
}

Zone *zone_free(Zone *z) {
        if (!z)
                return NULL;
        for (size_t i = 0; i < _ZONE_RECORDS_MAX; i++)
                free(z->records[i].data);
        free(z->nodes);
        free(z->arena);
        free(z->seen);
        free(z);
        return NULL;
}

/* RFC 4592 section 3.3.1: the closest name that exists, and whether a wildcard stands right below it. */
static ZoneMatch zone_find_wildcard(const Zone *z, const uint8_t *name, size_t size) {
        uint8_t wildcard[DNAME_MAX + 2] = { 1, '*' };
        unsigned labels = dname_labels(name);
        const ZoneNode *n;

        while (size > z->name_size) {
                size -= 1U + *name;
                name += 1U + *name;
                /* Deeper than anything that exists: not worth a look. */
                if (--labels > z->labels_max)
                        continue;
                if (size > z->name_size && !node_find(z, name, size))
                        continue;
                memcpy(wildcard + 2, name, size);
                n = node_find(z, wildcard, size + 2);
                return !n ? ZONE_MATCH_NONE : n->has_address ? ZONE_MATCH_HOST : ZONE_MATCH_EMPTY;
        }
        return ZONE_MATCH_NONE;
}

ZoneMatch zone_find(const Zone *z, const uint8_t *name, size_t size) {
        const bool attribute = zone_name_is_attribute(name);
        const ZoneNode *n;
        ZoneMatch match;

        if (size == z->name_size)
                return ZONE_MATCH_APEX;
        if (z->any)
                return attribute ? ZONE_MATCH_EMPTY : ZONE_MATCH_HOST;
        n = node_find(z, name, size);
        if (n)
                return n->has_address ? ZONE_MATCH_HOST : ZONE_MATCH_EMPTY;
        match = zone_find_wildcard(z, name, size);
        return match == ZONE_MATCH_HOST && attribute ? ZONE_MATCH_EMPTY : match;
}

static int compare_names(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
        return a_size != b_size ? (a_size > b_size ? -1 : 1) : memcmp(a, b, a_size);
}

int zone_compare(const void *a, const void *b) {
        const Zone *x = *(Zone *const *) a, *y = *(Zone *const *) b;

        return compare_names(x->name, x->name_size, y->name, y->name_size);
}

Zone *zone_find_named(Zone *const *zones, size_t n, const uint8_t *name, size_t size) {
        size_t low = 0, high = n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const int r = compare_names(zones[middle]->name, zones[middle]->name_size, name, size);

                if (r == 0)
                        return zones[middle];
                if (r < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

const Zone *zone_find_for(Zone *const *zones, size_t n, const uint8_t *name, size_t size, bool parent) {
        const size_t whole = size;
        const Zone *own = NULL;

        if (n == 0)
                return NULL;
        for (;; size -= 1U + *name, name += 1U + *name) {
                /* Longer than any zone's name: not worth a look. */
                const Zone *z = size <= zones[0]->name_size ? zone_find_named(zones, n, name, size) : NULL;

                if (z && (!parent || own || size != whole))
                        return z;
                if (z)
                        own = z;
                if (*name == 0)
                        return own;
        }
}
