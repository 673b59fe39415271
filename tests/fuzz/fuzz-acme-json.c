/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a certificate authority may answer; the first byte chooses what was asked and the status. */

#include "hagw-acmed/acme-api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const types[] = { "application/json", "application/problem+json",
                                             "application/pem-certificate-chain" };
        _cleanup_answer_ AcmeAnswer a = { .http_status = 200 };
        _cleanup_free_ char *body = NULL;

        if (size < 1 || !(body = strndup((const char *) data + 1, size - 1)))
                return 0;
        a.http_status = data[0] & 0x80 ? 400 : 200;
        assert(acme_parse(data[0] % _ACME_OBJECT_MAX, types[(data[0] >> 4) % 3], body, strlen(body), &a) >=
               0);
        if (!a.problem.type && a.object == ACME_ORDER)
                assert(a.order.identifiers && a.order.authorizations && acme_url_is_valid(a.order.finalize));
        for (size_t i = 0; i < a.authorization.n_challenges && !a.problem.type; i++)
                assert(!a.authorization.challenges[i].token ||
                       acme_token_is_valid(a.authorization.challenges[i].token));
        return 0;
}
