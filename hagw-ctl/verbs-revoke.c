/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl cert revoke. */

#include "hagw-ctl/cert.h"
#include "hagw-ctl/certwait.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/pure/suggest.h"

/* CRLReason (RFC 5280 section 5.3.1), as far as it is for a certificate's owner to say. */
static const struct {
        const char *name;
        unsigned number;
} reasons[] = {
        { "unspecified", 0 }, { "keyCompromise", 1 },        { "affiliationChanged", 3 },
        { "superseded", 4 },  { "cessationOfOperation", 5 },
};

static int take_reason(const Call *call, unsigned *ret) {
        const char *word = call_option(call, "reason"), *names[ELEMENTSOF(reasons) + 1] = {}, *near;

        *ret = 0;
        if (!word)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++) {
                names[i] = reasons[i].name;
                if (streq(reasons[i].name, word)) {
                        *ret = reasons[i].number;
                        return 0;
                }
        }
        near = suggest(word, names);
        log_error("--reason=%s: expected unspecified, keyCompromise, affiliationChanged, superseded or "
                  "cessationOfOperation%s%s%s",
                  word, near ? "; did you mean " : ".", strempty(near), near ? "?" : "");
        return -EINVAL;
}

static int say_outcome(const char *name, sd_json_variant *reply, bool imported) {
        const unsigned long revoked = (unsigned long) field_number(reply, "revoked"),
                            refused = (unsigned long) field_number(reply, "refused"),
                            pending = (unsigned long) field_number(reply, "pending");
        const char *why = strempty(field_text(reply, "why"));

        if (revoked > 0)
                output("%s: %lu %s revoked.\n", name, revoked,
                       plural(revoked, "certificate is", "certificates are"));
        else if (refused + pending == 0)
                output("%s: there is nothing that could be revoked.\n", name);
        if (refused > 0)
                log_error("%s: the certificate authority refused to revoke %lu: %s", name, refused, why);
        if (pending > 0)
                log_error("%s: %lu could not be revoked yet: %s. hagw-acmed goes on trying.", name, pending,
                          why);
        if (imported)
                output("%s was imported: import its successor.\n", name);
        return refused + pending > 0 ? CTL_FAILED : CTL_OK;
}

/* What has become of one; the replies are collected for --json. */
static int revoke_one(const Call *call, sd_json_variant *c, unsigned reason, uint64_t wait_usec,
                  sd_json_variant **list) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        const bool renew = !call_option(call, "no-renew");
        const char *name = strempty(field_text(c, "name"));
        int r, waited = CTL_OK;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_UNSIGNED(reason)),
                           SD_JSON_BUILD_PAIR("renew", SD_JSON_BUILD_BOOLEAN(renew))) < 0)
                return log_oom();
        r = client_call_patiently("io.hagw.Acme.Revoke", parameters, call->json, &reply);
        if (r < 0)
                return r;
        if (call->json &&
            (sd_json_variant_set_field_string(&reply, "name", name) < 0 ||
             sd_json_variant_append_array(list, reply) < 0))
                return log_oom();
        if (!call->json)
                r = say_outcome(name, reply, renew && streq_ptr(field_text(c, "source"), "imported"));
        else
                r = field_number(reply, "refused") + field_number(reply, "pending") > 0 ? CTL_FAILED
                                                                                         : CTL_OK;
        if (field_bool(reply, "ordered") && wait_usec > 0)
                waited = certwait_other(name, field_text(c, "keyId"), wait_usec, call->json);
        return waited != CTL_OK ? waited : r;
}

/* What is named, or all that there are. */
static int list_certificates(const Call *call, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        int r;

        if (!call_option(call, "all") == (call->n_arguments == 0)) {
                log_error("Which one? Name certificates, or give --all.");
                return -EINVAL;
        }
        if (call->n_arguments == 0) {
                r = client_call("io.hagw.Acme.Watch", NULL, &reply);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < field_count(reply, "certificates"); i++)
                        if (sd_json_variant_append_array(ret, field_element(reply, "certificates", i)) < 0)
                                return log_oom();
        }
        for (unsigned i = 0; i < call->n_arguments; i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *c = NULL;

                r = cert_find(call->arguments[i], &c);
                if (r < 0)
                        return r;
                if (sd_json_variant_append_array(ret, c) < 0)
                        return log_oom();
        }
        return 0;
}

int verb_cert_revoke(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *certificates = NULL, *list = NULL;
        uint64_t wait_usec;
        unsigned reason;
        int r, status = CTL_OK;

        r = take_reason(call, &reason);
        if (r >= 0)
                r = certwait_parse_option(call, &wait_usec);
        if (r >= 0)
                r = list_certificates(call, &certificates);
        if (r >= 0 && call->json)
                r = sd_json_variant_new_array(&list, NULL, 0);
        if (r < 0)
                return r;
        for (size_t i = 0; i < sd_json_variant_elements(certificates); i++) {
                r = revoke_one(call, sd_json_variant_by_index(certificates, i), reason, wait_usec, &list);
                if (r < 0)
                        return r;
                status = r != CTL_OK ? r : status;
        }
        if (call->json && output_json(list) < 0)
                return CTL_FAILED;
        return status;
}
