/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands in a DNS answer. */

#include "hagw-netd/dns-answer.h"
#include "libhagw/pure/strv.h"

/* Names in DNS compare without case (RFC 4343); a trailing dot does not count. */
static bool name_equal(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b);

        n -= n > 0 && a[n - 1] == '.';
        m -= m > 0 && b[m - 1] == '.';
        return n == m && strncasecmp(a, b, n) == 0;
}

static const ares_dns_rr_t *find_cname(const ares_dns_record_t *record, const char *name) {
        for (size_t i = 0; i < ares_dns_record_rr_cnt(record, ARES_SECTION_ANSWER); i++) {
                const ares_dns_rr_t *rr = ares_dns_record_rr_get_const(record, ARES_SECTION_ANSWER, i);

                if (ares_dns_rr_get_type(rr) == ARES_REC_TYPE_CNAME &&
                    name_equal(ares_dns_rr_get_name(rr), name))
                        return rr;
        }
        return NULL;
}

static bool rr_address(const ares_dns_rr_t *rr, const char *name, int family, IpAddress *ret) {
        ares_dns_rec_type_t type = family == AF_INET ? ARES_REC_TYPE_A : ARES_REC_TYPE_AAAA;

        if (ares_dns_rr_get_type(rr) != type || ares_dns_rr_get_class(rr) != ARES_CLASS_IN ||
            !name_equal(ares_dns_rr_get_name(rr), name))
                return false;
        *ret = (IpAddress) { .family = family };
        if (family == AF_INET)
                memcpy(ret->bytes, ares_dns_rr_get_addr(rr, ARES_RR_A_ADDR), 4);
        else
                memcpy(ret->bytes, ares_dns_rr_get_addr6(rr, ARES_RR_AAAA_ADDR), 16);
        return true;
}

int dns_answer_addresses(const ares_dns_record_t *record, const char *name, int family, IpAddress *ret,
                         size_t max, uint32_t *ret_ttl) {
        uint32_t ttl = UINT32_MAX;
        const ares_dns_rr_t *rr;
        unsigned links = 0;
        IpAddress a;
        size_t n = 0;

        while ((rr = find_cname(record, name))) {
                if (++links > DNS_ANSWER_CNAMES_MAX)
                        return -ELOOP;
                name = ares_dns_rr_get_str(rr, ARES_RR_CNAME_CNAME);
                ttl = MIN(ttl, ares_dns_rr_get_ttl(rr));
        }
        for (size_t i = 0; i < ares_dns_record_rr_cnt(record, ARES_SECTION_ANSWER); i++) {
                rr = ares_dns_record_rr_get_const(record, ARES_SECTION_ANSWER, i);
                if (!rr_address(rr, name, family, &a))
                        continue;
                if (n < max)
                        ret[n++] = a;
                ttl = MIN(ttl, ares_dns_rr_get_ttl(rr));
        }
        *ret_ttl = n > 0 ? ttl : 0;
        return (int) n;
}

size_t dns_answer_glue(const ares_dns_record_t *record, DnsGlue *ret, size_t max) {
        size_t n = 0;

        for (size_t i = 0; i < ares_dns_record_rr_cnt(record, ARES_SECTION_ADDITIONAL) && n < max; i++) {
                const ares_dns_rr_t *rr = ares_dns_record_rr_get_const(record, ARES_SECTION_ADDITIONAL, i);
                const char *name = ares_dns_rr_get_name(rr);

                if (rr_address(rr, name, AF_INET, &ret[n].address) ||
                    rr_address(rr, name, AF_INET6, &ret[n].address))
                        ret[n++].name = name;
        }
        return n;
}

int dns_answer_list(const ares_dns_record_t *record, ares_dns_section_t section, ares_dns_rec_type_t type,
                    char ***ret) {
        size_t n = ares_dns_record_rr_cnt(record, section), k = 0;
        _cleanup_(strv_freep) char **list = NULL;
        int r;

        list = calloc(n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const ares_dns_rr_t *rr = ares_dns_record_rr_get_const(record, section, i);
                ares_dns_rec_type_t t = ares_dns_rr_get_type(rr);

                if (type != ARES_REC_TYPE_ANY && t != type && t != ARES_REC_TYPE_CNAME &&
                    !(t == ARES_REC_TYPE_RAW_RR &&
                      ares_dns_rr_get_u16(rr, ARES_RR_RAW_RR_TYPE) == (unsigned) type))
                        continue;
                r = dns_rdata_format(rr, &list[k]);
                if (r < 0)
                        return r;
                k++;
        }
        *ret = TAKE_PTR(list);
        return 0;
}
