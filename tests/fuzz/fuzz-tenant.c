/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What people and houses send to hagw-tenantd as text: names, domains, challenges' names, codes. */

#include "libhagw/pure/relaycode.h"
#include "hagw-tenantd/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = strndup((const char *) data, size);
        char domain[TENANT_DOMAIN_MAX + 1], again[TENANT_DOMAIN_MAX + 1], text[RELAY_CODE_TEXT_SIZE];
        uint8_t code[RELAY_CODE_BYTES], second[RELAY_CODE_BYTES];

        if (!tenant_name_problem(s, "relay.example.com"))
                assert(strlen(s) <= HOSTNAME_LABEL_MAX && !tenant_name_covers(s, "relay.example.com", s));
        if (!tenant_domain_problem(s, "relay.example.com", domain))
                assert(!tenant_domain_problem(domain, "relay.example.com", again) && streq(domain, again));
        if (challenge_name_is_tenants(s, "anna", "relay.example.com", domain))
                assert(endswith(domain, "anna.relay.example.com") && startswith(domain, "_acme-challenge."));
        if (account_issuer_normalize(s, domain) && account_uri_is_valid(s))
                abort();
        if (relay_code_parse(s, code) >= 0) {
                relay_code_format(code, text);
                assert(relay_code_parse(text, second) >= 0 && memcmp(code, second, sizeof(code)) == 0);
        }
        return 0;
}
