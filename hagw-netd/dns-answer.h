/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ares.h>

#include "libhagw/pure/cidr.h"

/* Reading a DNS answer. Pure but for c-ares's record type: no fd, no clock, no logging. */

#define DNS_ANSWER_CNAMES_MAX 16U

/* The addresses (AF_INET: A, AF_INET6: AAAA) that the answer section gives for name, over its CNAMEs. At
 * most max are stored; ret_ttl is the least of the chain's, in seconds. Returns how many; 0: none; -ELOOP:
 * CNAMEs in a circle or too many. */
int dns_answer_addresses(const ares_dns_record_t *record, const char *name, int family, IpAddress *ret,
                         size_t max, uint32_t *ret_ttl);

/* A section's RDATA of this type in presentation form, a list that ends with NULL, to be freed with
 * strv_free(). Other types' records are left out, but CNAMEs stay; ARES_REC_TYPE_ANY: all. -ENOMEM. */
int dns_answer_list(const ares_dns_record_t *record, ares_dns_section_t section, ares_dns_rec_type_t type,
                    char ***ret);

/* The additional section's addresses with the names they are of, in order; at most max. names point into the
 * record. Returns how many. */
typedef struct DnsGlue {
        const char *name;
        IpAddress address;
} DnsGlue;
size_t dns_answer_glue(const ares_dns_record_t *record, DnsGlue *ret, size_t max);

/* One record's RDATA in presentation form (RFC 1035 section 5.1; unknown types RFC 3597 section 5). To be
 * freed. -ENOMEM. */
int dns_rdata_format(const ares_dns_rr_t *rr, char **ret);

/* Mnemonic ("A", "CAA") or "TYPE257" (RFC 3597). -EINVAL. */
int dns_type_parse(const char *s, ares_dns_rec_type_t *ret);
