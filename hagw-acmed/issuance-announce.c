/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Before each order: whoever writes CAA records for its names lists the account that orders (RFC 8657), and
 * nobody remembers records without it. Main thread only. */

#include "hagw-acmed/explain.h"
#include "hagw-acmed/issuance-internal.h"
#include "libhagw/usec.h"

#define LOOKUP_TIMEOUT_USEC (20 * USEC_PER_SEC)
#define RELAY_TIMEOUT_USEC USEC_PER_MINUTE

static void announced(Issuance *i, uint64_t wait_usec) {
        order_take_announced(i->order, wait_usec, clock_usec(CLOCK_REALTIME));
        issuance_step(i);
}

/* --- our own zones ------------------------------------------------------------------------------------- */

/* How long a resolver may remember records that were without us. A clock that was set back makes nobody wait
 * longer than that. */
static uint64_t issuance_caa_wait(const Issuance *i) {
        const uint64_t since = MAX(i->caa_since_usec, i->account->since_usec),
                       now = clock_usec(CLOCK_REALTIME);

        if (since == 0 || since + i->caa_usec <= now)
                return 0;
        return MIN(since + i->caa_usec - now, i->caa_usec);
}

static bool answers_list_account(sd_json_variant *answers, const char *uri) {
        static const char parameter[] = "accounturi=";
        const size_t n = strlen(uri);

        for (size_t i = 0; i < sd_json_variant_elements(answers); i++) {
                sd_json_variant *v = sd_json_variant_by_index(answers, i);
                const char *s = sd_json_variant_is_string(v) ? strstr(sd_json_variant_string(v), parameter)
                                                             : NULL;

                if (s && strncmp(s + strlen(parameter), uri, n) == 0 &&
                    s[strlen(parameter) + n] == ';')
                        return true;
        }
        return false;
}

static int issuance_look(Issuance *i, const char *name);

static void on_looked(sd_json_variant *reply, const char *error, void *userdata) {
        sd_json_variant *answers = reply && !error ? sd_json_variant_by_key(reply, "answers") : NULL,
                        *rcode = reply && !error ? sd_json_variant_by_key(reply, "rcode") : NULL;
        const char *code = rcode && sd_json_variant_is_string(rcode) ? sd_json_variant_string(rcode) : "";
        Issuance *i = userdata;
        const char *first = startswith(i->order->names[0], "*.") ?: i->order->names[0],
                   *dot = strchr(i->caa_name, '.');
        int r;

        i->request = NULL;
        if (answers && sd_json_variant_is_array(answers) &&
            answers_list_account(answers, i->order->account_url)) {
                announced(i, issuance_caa_wait(i));
                return;
        }
        /* Nothing up to the top of our zones: an authority of ours has no name for records. */
        if (i->caa_name != first && (streq(code, "REFUSED") || !dot)) {
                announced(i, issuance_caa_wait(i));
                return;
        }
        if (dot && answers && sd_json_variant_is_array(answers) && sd_json_variant_elements(answers) == 0 &&
            (streq(code, "NOERROR") || streq(code, "NXDOMAIN"))) {
                r = issuance_look(i, dot + 1);
                if (r < 0)
                        issuance_fail_errno(i, r, "hagw-dnsd could not be asked");
                return;
        }
        order_take_done(i->order, /* ready= */ false, clock_usec(CLOCK_REALTIME));
        issuance_step(i);
}

/* As an authority does: up to the first name that has records. */
static int issuance_look(Issuance *i, const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        i->caa_name = name;
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("type", SD_JSON_BUILD_STRING("CAA")));
        return r < 0 ? r : vl_request(i->event, "io.hagw.Dns", "io.hagw.Dns.Lookup", v, LOOKUP_TIMEOUT_USEC,
                                      on_looked, i, &i->request);
}

/* --- the relay ----------------------------------------------------------------------------------------- */

static void on_told(sd_json_variant *reply, const char *error, void *userdata) {
        sd_json_variant *wait = reply && !error ? sd_json_variant_by_key(reply, "waitUSec") : NULL;
        Issuance *i = userdata;
        char words[EXPLAIN_MAX + 1];
        OrderFailure failure;

        i->request = NULL;
        if (error) {
                failure = explain_error(error, reply, words);
                issuance_fail(i, failure, "The relay could not be told our account: hagw-proxyd says: %s",
                              words);
                return;
        }
        announced(i, wait && sd_json_variant_is_unsigned(wait) ? sd_json_variant_unsigned(wait) : 0);
}

static int issuance_tell_relay(Issuance *i) {
        const char *issuer = strempty(i->account->issuer);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("issuer", SD_JSON_BUILD_STRING(issuer)),
                           SD_JSON_BUILD_PAIR("accountUri",
                                              SD_JSON_BUILD_STRING(*issuer ? i->order->account_url : "")));
        return r < 0 ? r : vl_request(i->event, "io.hagw.Proxy", "io.hagw.Proxy.SetAccount", v,
                                      RELAY_TIMEOUT_USEC, on_told, i, &i->request);
}

int issuance_announce(Issuance *i) {
        const char *name = i->order->names[0];

        switch (i->way) {
        case PROOF_DNS:
                if (i->caa_usec > 0)
                        return issuance_look(i, startswith(name, "*.") ?: name);
                break;
        case PROOF_RELAY:
        case PROOF_ALIAS:
                return issuance_tell_relay(i);
        default:
                break;
        }
        announced(i, 0);
        return 0;
}
