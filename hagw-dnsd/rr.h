/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "libhagw/pure/macro.h"

/* Record types: one row each. Pure. Numbers are IANA's. */

typedef enum DnsType {
        DNS_TYPE_A = 1,
        DNS_TYPE_NS = 2,
        DNS_TYPE_SOA = 6,
        DNS_TYPE_TXT = 16,
        DNS_TYPE_AAAA = 28,
        DNS_TYPE_OPT = 41,
        DNS_TYPE_DS = 43,
        DNS_TYPE_HTTPS = 65,
        DNS_TYPE_TKEY = 249,
        DNS_TYPE_TSIG = 250,
        DNS_TYPE_IXFR = 251,
        DNS_TYPE_AXFR = 252,
        DNS_TYPE_MAILB = 253,
        DNS_TYPE_MAILA = 254,
        DNS_TYPE_ANY = 255,
        DNS_TYPE_CAA = 257,
} DnsType;

/* What a question for the type gets. */
typedef enum RrPolicy {
        RR_POLICY_LOOKUP = 0, /* also every type that has no row */
        RR_POLICY_ANY,        /* one RRset (RFC 8482 section 4.1) */
        RR_POLICY_REFUSED,    /* zone transfer: not from here */
        RR_POLICY_NOTIMP,
        RR_POLICY_FORMERR,    /* no type one may ask for (RFC 6895 section 3.1) */
} RrPolicy;

typedef struct RrType {
        uint16_t type;
        const char *name;
        RrPolicy policy;
        /* Writes the RDATA at offset in presentation form. -EBADMSG: it is broken. NULL: RFC 3597's form. */
        int (*format)(const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size, FILE *f);
} RrType;

/* NULL: no row. */
const RrType *rr_by_type(uint16_t type);
const RrType *rr_by_name(const char *name);

/* A new string, to be freed, with the RDATA in presentation form (RFC 1035 section 5.1). -EBADMSG, -ENOMEM.
 */
int rr_format(uint16_t type, const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size,
              char **ret);
