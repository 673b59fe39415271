/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs about certificates: hagw-acmed has them, hagw-keyd their keys. */

#include <stdio.h>
#include <time.h>

#include "hagw-ctl/cert.h"
#include "hagw-ctl/certlimit.h"
#include "hagw-ctl/certwait.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/exports.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/verbs.h"
#include "hagw-ctl/view.h"
#include "libhagw/log.h"
#include "libhagw/pure/suggest.h"
#include "libhagw/usec.h"

#define NAMES_SHOWN_MAX 256U

int verb_cert_list(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL, *v = NULL, *exports = NULL;
        int r;

        r = client_call("io.hagw.Acme.Watch", NULL, &reply);
        if (r < 0)
                return r;
        if (view_certificates_of(reply, &v) < 0)
                return log_oom();
        r = exports_read(&exports);
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "What is exported could not be read: %m");
        if (exports && sd_json_variant_set_field(&v, "exports", exports) < 0)
                return log_oom();
        if (call->json)
                return output_json(v) < 0 ? CTL_FAILED : CTL_OK;
        if (field_count(v, "certificates") == 0)
                output_sentences("There is no certificate yet: they are obtained for the zones and hosts "
                                 "that are configured.\n");
        if (view_print_certificates(v, 0, /* told= */ false) < 0)
                return log_oom();
        exports_print(exports);
        return CTL_OK;
}

int cert_find(const char *name, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        const char *names[NAMES_SHOWN_MAX + 1], *near;
        size_t n = 0;
        const char *parent = strchr(name, '.');
        int r;

        r = client_call("io.hagw.Acme.Watch", NULL, &reply);
        if (r < 0)
                return r;
        for (size_t i = 0; i < field_count(reply, "certificates"); i++) {
                sd_json_variant *c = field_element(reply, "certificates", i);
                const char *its = strempty(field_text(c, "name"));

                if (streq(its, name)) {
                        *ret = sd_json_variant_ref(c);
                        return 0;
                }
                if (n < NAMES_SHOWN_MAX)
                        names[n++] = its;
        }
        names[n] = NULL;
        /* A zone's certificate is for all names one label below it. */
        for (size_t i = 0; parent && i < n; i++)
                if (streq(names[i], parent + 1)) {
                        log_error("%s has no certificate of its own: the one of %s is for it, too.", name,
                                  names[i]);
                        return -ENOENT;
                }
        near = suggest(name, names);
        log_error("There is no certificate \"%s\"%s%s%s", name,
                  near ? "; did you mean \"" : "; hagw-ctl cert list shows them.", strempty(near),
                  near ? "\"?" : "");
        return -ENOENT;
}

static void print_time(const char *name, uint64_t usec, uint64_t now) {
        char when[TIME_TEXT_MAX], date[64];
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (usec == 0 || !localtime_r(&t, &tm) ||
            strftime(date, sizeof(date), "%Y-%m-%d %H:%M %Z", &tm) == 0)
                return;
        output("  %-12s %s (%s)\n", name, date, format_when(usec, now, when));
}

static int check_known(_unused_ const Call *call, const char *name, _unused_ void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *c = NULL;

        return cert_find(name, &c);
}

static int show_one(const Call *call, const char *name, _unused_ void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *c = NULL;
        _cleanup_free_ char *names = NULL, *limit = NULL;
        uint64_t now = clock_usec(CLOCK_REALTIME);
        int r;

        r = cert_find(name, &c);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(c) < 0 ? CTL_FAILED : CTL_OK;
        if (call_option(call, "chain")) {
                if (!field_text(c, "chain")) {
                        log_error("%s has no certificate yet.", field_text(c, "name"));
                        return CTL_FAILED;
                }
                output_lines(field_text(c, "chain"));
                return CTL_OK;
        }
        call_part(call, name, 0);
        names = field_joined(c, "names");
        if (!names || certlimit_text(c, now, &limit) < 0)
                return log_oom();
        output_tone(TONE_BOLD, "%s", field_text(c, "name"));
        output("\n  %-12s %s\n  %-12s %s\n  %-12s %s%s\n", "state", field_text(c, "state"), "names", names,
               "from", field_text(c, "directory") ?: field_text(c, "source"),
               field_bool(c, "fallback") ? " (the fallback)" : "");
        print_time("begins", field_number(c, "notBeforeUSec"), now);
        print_time("ends", field_number(c, "notAfterUSec"), now);
        print_time("next try", field_number(c, "nextUSec"), now);
        print_time("revoked", field_number(c, "revokedUSec"), now);
        if (field_bool(c, "revoking"))
                output("  %-12s it, or one before it, as soon as the authority can be told\n",
                       "to revoke");
        if (field_text(c, "keyId"))
                output("  %-12s %s%s\n", "key", field_text(c, "keyId"),
                       streq(strempty(field_text(c, "state")), "keyless") ? " (hagw-keyd does not have it)" :
                                                                            "");
        if (field_text(c, "error"))
                output("  %-12s %s (tries that failed: %lu)\n", "error", field_text(c, "error"),
                       (unsigned long) field_number(c, "failures"));
        if (limit)
                output_paragraph("  to wait      ", "%s", limit);
        return view_certificate_is_bad(c) ? CTL_FAILED : CTL_OK;
}

int verb_cert_show(const Call *call) {
        return call_each(call, 0, check_known, show_one, NULL);
}

typedef struct Renewal {
        uint64_t wait_usec;
        sd_json_variant *before; /* the certificates as they were, a list */
} Renewal;

static int remember_one(_unused_ const Call *call, const char *name, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *c = NULL;
        Renewal *renewal = userdata;
        int r = cert_find(name, &c);

        if (r < 0)
                return r;
        return sd_json_variant_append_array(&renewal->before, c) < 0 ? log_oom() : CTL_OK;
}

static int renew_one(const Call *call, const char *name, _unused_ void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        int r;

        if (sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!call_option(call, "now"), "now",
                                                        SD_JSON_BUILD_BOOLEAN(true))) < 0)
                return log_oom();
        r = client_call("io.hagw.Acme.Renew", parameters, NULL);
        if (r < 0)
                return r;
        return output_change(call->json, name, "ordered", "The order for %s has begun.\n", name);
}

static int wait_one(const Call *call, const char *name, void *userdata) {
        const Renewal *renewal = userdata;

        for (size_t i = 0; i < sd_json_variant_elements(renewal->before); i++) {
                sd_json_variant *c = sd_json_variant_by_index(renewal->before, i);

                if (streq_ptr(field_text(c, "name"), name))
                        return certwait_other(name, field_text(c, "keyId"), renewal->wait_usec, call->json);
        }
        return CTL_OK;
}

/* All are ordered before the first is waited for. */
int verb_cert_renew(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *before = NULL;
        Renewal renewal = {};
        int r;

        r = certwait_parse_option(call, &renewal.wait_usec);
        if (r < 0)
                return r;
        r = call_each(call, 0, remember_one, renew_one, &renewal);
        before = renewal.before;
        if (r < 0 || renewal.wait_usec == 0)
                return r;
        return call_each(call, 0, /* check= */ NULL, wait_one, &renewal);
}

void cert_forget_key(const char *id) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(id))) >= 0)
                (void) client_call("io.hagw.Key.Remove", parameters, NULL);
}

static int check_unwanted(_unused_ const Call *call, const char *name, _unused_ void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *c = NULL;
        int r = cert_find(name, &c);

        if (r != CTL_OK || !field_bool(c, "wanted") || streq(strempty(field_text(c, "source")), "imported"))
                return r;
        log_error("%s is asked for by the configuration, and would be ordered again: remove its zone or "
                  "host there first.",
                  name);
        return CTL_FAILED;
}

static int remove_one(const Call *call, const char *name, _unused_ void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *c = NULL, *parameters = NULL;
        int r;

        r = cert_find(name, &c);
        if (r < 0)
                return r;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0)
                return log_oom();
        r = client_call("io.hagw.Acme.Remove", parameters, NULL);
        if (r < 0)
                return r;
        if (field_text(c, "keyId"))
                cert_forget_key(field_text(c, "keyId"));
        return output_change(call->json, name, "removed", "%s is removed.\n", name);
}

int verb_cert_remove(const Call *call) {
        int r = call_each(call, 0, check_known, check_unwanted, NULL);

        return r != CTL_OK ? r : call_each(call, 0, /* check= */ NULL, remove_one, NULL);
}
