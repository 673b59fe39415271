/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an account may say to a certificate authority. No I/O. */

#include "hagw-keyd/payload.h"
#include "libhagw/pure/base64url.h"

/* One row for each kind of request that has members. A new one of hagw-acmed's is a new row. */
static const char *const kinds[][4] = {
        /* section 7.3 */
        { "termsOfServiceAgreed", "contact", "externalAccountBinding" },
        /* section 7.4; RFC 9773 section 5; draft-ietf-acme-profiles */
        { "identifiers", "replaces", "profile" },
        /* section 7.4, finalize */
        { "csr" },
        /* section 7.3.6 */
        { "status" },
};

bool payload_has_only(sd_json_variant *object, const char *const *members) {
        bool seen[8] = {};

        /* Keys and values alternate. */
        for (size_t i = 0; i < sd_json_variant_elements(object); i += 2) {
                const char *name = sd_json_variant_string(sd_json_variant_by_index(object, i));
                size_t m = 0;

                while (members[m] && !streq(members[m], name))
                        m++;
                assert(m < ELEMENTSOF(seen));
                if (!members[m] || seen[m])
                        return false;
                seen[m] = true;
        }
        return true;
}

void payload_done(Payload *p) {
        free(p->text);
        free(p->csr);
}

static int payload_take_csr(sd_json_variant *v, Payload *p) {
        sd_json_variant *csr = sd_json_variant_by_key(v, "csr");
        const char *text;

        if (!csr)
                return 0;
        if (!sd_json_variant_is_string(csr))
                return -EINVAL;
        text = sd_json_variant_string(csr);
        return *text ? base64url_decode(text, strlen(text), &p->csr, &p->csr_size) : -EINVAL;
}

/* The only state that an account may give itself. */
static bool payload_status_is_good(sd_json_variant *v) {
        sd_json_variant *status = sd_json_variant_by_key(v, "status");

        return !status ||
               (sd_json_variant_is_string(status) && streq(sd_json_variant_string(status), "deactivated"));
}

int payload_parse(const char *text, Payload *ret, const char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_payload_ Payload p = {};
        size_t kind = 0;
        int r;

        *ret_reason = "It is neither empty nor a JSON object.";
        if (strlen(text) > PAYLOAD_MAX)
                return -EINVAL;
        if (*text) {
                r = sd_json_parse(text, /* flags= */ 0, &v, NULL, NULL);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !sd_json_variant_is_object(v))
                        return -EINVAL;
                while (kind < ELEMENTSOF(kinds) && !payload_has_only(v, kinds[kind]))
                        kind++;
                *ret_reason = "It has members that no request of hagw-acmed has, or one twice.";
                if (kind == ELEMENTSOF(kinds))
                        return -EINVAL;
                *ret_reason = "Its status is not \"deactivated\".";
                if (!payload_status_is_good(v))
                        return -EINVAL;
                *ret_reason = "Its csr is not base64url.";
                r = payload_take_csr(v, &p);
                if (r < 0)
                        return r;
                r = sd_json_variant_format(v, /* flags= */ 0, &p.text);
                if (r < 0)
                        return r;
        } else if (!(p.text = strdup("")))
                return -ENOMEM;
        *ret_reason = NULL;
        *ret = TAKE_GENERIC(p, (Payload) {});
        return 0;
}
