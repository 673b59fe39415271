/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"
#include "hagw-dnsd/dname.h"
#include "hagw-dnsd/asker.h"

/* A zone as it is answered: records prepared in wire form, and which names below it exist. Made whole from a
 * description and thrown away whole; only the serial is written into a finished one. Pure. */

#define ZONE_NODES_MAX 4096U /* names of hosts, with the empty ones between them and the zone */
#define ZONE_TTL_SEC 3600U   /* of SOA and NS */
#define ZONE_NEGATIVE_TTL_SEC 60U
/* Of what is published for a moment, and of its absence: who asked too early must not remember it (RFC
 * 2308). */
#define ZONE_OVERLAY_TTL_SEC 1U

typedef enum AddressKnowledge {
        ADDRESS_UNKNOWN, /* nobody told us yet: SERVFAIL, which is not remembered, instead of a wrong "there
                            is none" */
        ADDRESS_DOUBTFUL, /* nobody will, it seems: there is none, hardly to be remembered */
        ADDRESS_NONE,
        ADDRESS_KNOWN,
} AddressKnowledge;

typedef struct ZoneAddress {
        AddressKnowledge knowledge;
        IpAddress address;
} ZoneAddress;

typedef struct ZoneDescription {
        const char *name, *name_server, *contact; /* contact: mail address or NULL */
        uint32_t ttl_sec, caa_ttl_sec;
        uint64_t caa_hash; /* of what is answered for CAA and stands elsewhere */
        bool any;                /* every name below has the addresses; else only hosts */
        const char *const *hosts; /* normalized, inside the zone, may start with "*."; used unless any */
        size_t n_hosts;
        const char *const *children; /* zones below this one that are served too */
        size_t n_children;
        ZoneAddress ipv4, ipv6;
        bool serves_name_server; /* the name server's name lies in one of our zones */
        bool unasked[2]; /* nobody can ask the name server over IPv4, over IPv6: it has no such address */
} ZoneDescription;

/* Records ready to be copied behind a question. Owner names are compression pointers: to the question
 * (offset 12), or to the zone's name inside the question, whose offset is patched in. */
typedef struct ZoneRecords {
        uint8_t *data;
        uint16_t size, count, n_patches;
        uint16_t patches[8]; /* where a pointer to the zone's name goes */
} ZoneRecords;

typedef enum ZoneRecordsKind {
        ZONE_A,
        ZONE_AAAA,
        ZONE_NS,
        ZONE_SOA,          /* as an answer */
        ZONE_SOA_NEGATIVE, /* in the authority section (RFC 2308 section 3) */
        ZONE_SOA_BRIEF,    /* the same, hardly to be remembered */
        ZONE_GLUE,
        _ZONE_RECORDS_MAX,
} ZoneRecordsKind;

typedef struct ZoneNode {
        const uint8_t *name; /* NULL: free */
        uint8_t size;
        bool has_address;
} ZoneNode;

typedef struct Zone {
        uint8_t name[DNAME_MAX];
        uint8_t name_size, labels;
        bool any;
        AddressKnowledge knowledge[2]; /* of ZONE_A and ZONE_AAAA */
        bool unasked[2]; /* the same, of ZONE_A and ZONE_AAAA */
        uint8_t name_server[DNAME_MAX];
        uint8_t name_server_size; /* 0: it is a host as well, and has what hosts have */
        ZoneRecords records[_ZONE_RECORDS_MAX];
        ZoneNode *nodes; /* open addressing; a power of two of them */
        size_t n_nodes, allocated;
        uint8_t labels_max; /* of the deepest node */
        uint8_t *arena;     /* the nodes' names */
        uint64_t hash;      /* of all content but the serial */
        uint32_t serial, caa_ttl_sec;
        AskersSeen *seen; /* written while it is answered from */
} Zone;

/* -EINVAL: a name or the contact cannot be written; -E2BIG: too many names; -ENOMEM. */
int zone_new(const ZoneDescription *d, Zone **ret);
Zone *zone_free(Zone *z);
DEFINE_TRIVIAL_CLEANUP_FUNC(Zone *, zone_free)

void zone_set_serial(Zone *z, uint32_t serial);

typedef enum ZoneMatch {
        ZONE_MATCH_APEX,
        ZONE_MATCH_HOST,  /* has the house's addresses */
        ZONE_MATCH_EMPTY, /* exists without them: NODATA */
        ZONE_MATCH_NONE,  /* NXDOMAIN */
} ZoneMatch;

/* name: lower case, in the zone. Names whose first label starts with "_" are attributes (RFC 8552), never
 * hosts. */
static inline bool zone_name_is_attribute(const uint8_t *name) {
        return name[0] > 0 && name[1] == '_';
}
ZoneMatch zone_find(const Zone *z, const uint8_t *name, size_t size);

/* Is it the name of a name server that nobody reaches by this kind of address? */
bool zone_is_unasked(const Zone *z, ZoneRecordsKind kind, const uint8_t *name, size_t size);

/* The zone that the name lies in (the longest one), or NULL. zones are sorted by zone_compare(). parent: the
 * apex itself counts as part of the zone above, as for DS (RFC 4035 section 3.1.4.1); where there is none,
 * of its own. */
const Zone *zone_find_for(Zone *const *zones, size_t n, const uint8_t *name, size_t size, bool parent);
/* For qsort() of Zone*: longest name first, no two names alike. */
int zone_compare(const void *a, const void *b);
/* The one of exactly this name, or NULL. */
Zone *zone_find_named(Zone *const *zones, size_t n, const uint8_t *name, size_t size);
