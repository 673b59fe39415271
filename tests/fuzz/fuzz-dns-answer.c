/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A resolver's answer, from the wire through c-ares to what netd makes of it. */

#include "hagw-netd/dns-answer.h"
#include "libhagw/pure/strv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ares_dns_record_t *record = NULL;
        IpAddress addresses[4];
        char **list = NULL;
        uint32_t ttl;

        if (ares_dns_parse(data, size, 0, &record) != ARES_SUCCESS)
                return 0;
        (void) dns_answer_addresses(record, "x.example.org", AF_INET, addresses, ELEMENTSOF(addresses),
                                    &ttl);
        (void) dns_answer_addresses(record, "x.example.org", AF_INET6, addresses, ELEMENTSOF(addresses),
                                    &ttl);
        if (dns_answer_list(record, ARES_SECTION_ANSWER, ARES_REC_TYPE_ANY, &list) >= 0)
                strv_free(list);
        ares_dns_record_destroy(record);
        return 0;
}
