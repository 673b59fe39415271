/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records in wire form, prepared once per change so that an answer is a copy. */

#include "hagw-dnsd/message.h"
#include "hagw-dnsd/rr.h"
#include "hagw-dnsd/zone-records.h"

/* RFC 1912 section 2.2; nobody transfers our zones, but the fields must stand. */
#define SOA_REFRESH_SEC 7200U
#define SOA_RETRY_SEC 900U
#define SOA_EXPIRE_SEC 1209600U
#define SOA_NUMBERS_SIZE 20U

typedef struct Writer {
        ZoneRecords *records;
        const Zone *zone;
        uint8_t data[4096];
        size_t size;
        bool failed;
} Writer;

static void put(Writer *w, const void *data, size_t size) {
        if (w->failed || size > sizeof(w->data) - w->size) {
                w->failed = true;
                return;
        }
        memcpy(w->data + w->size, data, size);
        w->size += size;
}

static void put_u16(Writer *w, uint16_t v) {
        put(w, (const uint8_t[]) { (uint8_t) (v >> 8), (uint8_t) v }, 2);
}

static void put_u32(Writer *w, uint32_t v) {
        put_u16(w, (uint16_t) (v >> 16));
        put_u16(w, (uint16_t) v);
}

/* A name: what stands before the zone's name, then a pointer that is patched; or, outside the zone, the
 * whole. */
static void put_name(Writer *w, const uint8_t *name, size_t size) {
        const Zone *z = w->zone;

        if (!dname_in_zone(name, size, z->name, z->name_size) ||
            w->records->n_patches >= ELEMENTSOF(w->records->patches)) {
                put(w, name, size);
                return;
        }
        put(w, name, size - z->name_size);
        w->records->patches[w->records->n_patches++] = (uint16_t) w->size;
        put_u16(w, 0);
}

/* All of a record but its RDATA, whose size is filled in by record_end(). Returns where. */
static size_t record_begin(Writer *w, uint16_t type, uint32_t ttl_sec) {
        put_u16(w, type);
        put_u16(w, DNS_CLASS_IN);
        put_u32(w, ttl_sec);
        put_u16(w, 0);
        w->records->count++;
        return w->size;
}

static void record_end(Writer *w, size_t begin) {
        if (!w->failed)
                write_u16(w->data + begin - 2, (uint16_t) (w->size - begin));
}

static int writer_finish(Writer *w) {
        if (w->failed)
                return -EINVAL;
        w->records->data = malloc(MAX(w->size, (size_t) 1));
        if (!w->records->data)
                return -ENOMEM;
        memcpy(w->records->data, w->data, w->size);
        w->records->size = (uint16_t) w->size;
        return 0;
}

static void put_address(Writer *w, const ZoneAddress *a, uint32_t ttl_sec) {
        const bool v4 = a->address.family == AF_INET;
        size_t begin = record_begin(w, v4 ? DNS_TYPE_A : DNS_TYPE_AAAA, ttl_sec);

        put(w, a->address.bytes, v4 ? 4 : 16);
        record_end(w, begin);
}

static int make_address(Writer *w, const ZoneAddress *a, uint32_t ttl_sec) {
        if (a->knowledge == ADDRESS_KNOWN) {
                put_u16(w, MESSAGE_POINTER_QUESTION);
                put_address(w, a, ttl_sec);
        }
        return writer_finish(w);
}

static int make_ns(Writer *w, const uint8_t *name_server, size_t size) {
        size_t begin;

        put_u16(w, MESSAGE_POINTER_QUESTION);
        begin = record_begin(w, DNS_TYPE_NS, ZONE_TTL_SEC);
        put_name(w, name_server, size);
        record_end(w, begin);
        return writer_finish(w);
}

static int make_glue(Writer *w, const ZoneDescription *d, const uint8_t *name_server, size_t size) {
        const ZoneAddress *const addresses[] = { &d->ipv4, &d->ipv6 };

        for (size_t i = 0; d->serves_name_server && i < ELEMENTSOF(addresses); i++)
                if (addresses[i]->knowledge == ADDRESS_KNOWN && !d->unasked[i]) {
                        put_name(w, name_server, size);
                        put_address(w, addresses[i], d->ttl_sec);
                }
        return writer_finish(w);
}

static int make_soa(Writer *w, const uint8_t *name_server, size_t ns_size, const uint8_t *contact,
                    size_t contact_size, uint32_t ttl_sec) {
        size_t begin;

        put_name(w, w->zone->name, w->zone->name_size);
        begin = record_begin(w, DNS_TYPE_SOA, ttl_sec);
        put_name(w, name_server, ns_size);
        put_name(w, contact, contact_size);
        put_u32(w, 0); /* the serial, see zone_set_serial() */
        put_u32(w, SOA_REFRESH_SEC);
        put_u32(w, SOA_RETRY_SEC);
        put_u32(w, SOA_EXPIRE_SEC);
        put_u32(w, ZONE_NEGATIVE_TTL_SEC);
        record_end(w, begin);
        return writer_finish(w);
}

/* A mail address as a name: what stands before the @ is one label, dots and all (RFC 1035 section 8). */
static int contact_name(const Zone *z, const char *contact, uint8_t *out) {
        const char *at, *local = contact ?: "hostmaster";
        size_t n;
        int r;

        at = contact ? strrchr(contact, '@') : NULL;
        if (contact && !at)
                return -EINVAL;
        n = at ? (size_t) (at - contact) : strlen(local);
        if (n < 1 || n > DNAME_LABEL_MAX)
                return -EINVAL;
        uint8_t domain[DNAME_MAX];
        if (at) {
                r = dname_from_text(at + 1, domain);
                if (r < 0)
                        return r;
        } else {
                memcpy(domain, z->name, z->name_size);
                r = z->name_size;
        }
        if (1 + n + (size_t) r > DNAME_MAX)
                return -EINVAL;
        out[0] = (uint8_t) n;
        memcpy(out + 1, local, n);
        memcpy(out + 1 + n, domain, (size_t) r);
        return (int) (1 + n) + r;
}

int zone_records_make(Zone *z, const ZoneDescription *d) {
        static const struct {
                ZoneRecordsKind kind;
                uint32_t ttl_sec;
        } soas[] = {
                { ZONE_SOA, ZONE_TTL_SEC },
                { ZONE_SOA_NEGATIVE, ZONE_NEGATIVE_TTL_SEC },
                { ZONE_SOA_BRIEF, ZONE_OVERLAY_TTL_SEC },
        };
        uint8_t name_server[DNAME_MAX], contact[DNAME_MAX];
        int ns_size, contact_size, r;

        ns_size = dname_from_text(d->name_server, name_server);
        if (ns_size < 0)
                return ns_size;
        contact_size = contact_name(z, d->contact, contact);
        if (contact_size < 0)
                return contact_size;

#define WRITER(kind) (&(Writer) { .records = &z->records[kind], .zone = z })
        r = make_address(WRITER(ZONE_A), &d->ipv4, d->ttl_sec);
        if (r < 0)
                return r;
        r = make_address(WRITER(ZONE_AAAA), &d->ipv6, d->ttl_sec);
        if (r < 0)
                return r;
        r = make_ns(WRITER(ZONE_NS), name_server, (size_t) ns_size);
        if (r < 0)
                return r;
        r = make_glue(WRITER(ZONE_GLUE), d, name_server, (size_t) ns_size);
        if (r < 0)
                return r;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(soas); i++)
                r = make_soa(WRITER(soas[i].kind), name_server, (size_t) ns_size, contact,
                             (size_t) contact_size, soas[i].ttl_sec);
        return r;
}

void zone_set_serial(Zone *z, uint32_t serial) {
        z->serial = serial;
        for (ZoneRecordsKind k = ZONE_SOA; k <= ZONE_SOA_BRIEF; k++)
                write_u32(z->records[k].data + z->records[k].size - SOA_NUMBERS_SIZE, serial);
}
