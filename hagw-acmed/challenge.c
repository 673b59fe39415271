/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Challenges. Main thread only. */

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>

#include "base64url.h"
#include "challenge.h"

#define OWNER "acmed"
#define LIFETIME_USEC USEC_PER_HOUR
#define TIMEOUT_USEC (20 * USEC_PER_SEC)

struct ChallengeType {
        const char *name, *daemon, *interface, *publish, *check, *withdraw;
        int (*publish_parameters)(const Proof *p, sd_json_variant **ret);
        int (*check_parameters)(const Proof *p, sd_json_variant **ret);
        int (*clear_parameters)(const Proof *p,
                                sd_json_variant **ret); /* for withdraw: all there is at the name */
        int (*withdraw_parameters)(const Proof *p, sd_json_variant **ret);
};

static int dns_publish(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->name)),
                              SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(p->value)),
                              SD_JSON_BUILD_PAIR("owner", SD_JSON_BUILD_STRING(OWNER)),
                              SD_JSON_BUILD_PAIR("lifetimeUSec", SD_JSON_BUILD_UNSIGNED(LIFETIME_USEC)));
}

static int dns_check(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->name)),
                              SD_JSON_BUILD_PAIR("type", SD_JSON_BUILD_STRING("TXT")));
}

static int dns_withdraw(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->name)),
                              SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(p->value)),
                              SD_JSON_BUILD_PAIR("owner", SD_JSON_BUILD_STRING(OWNER)));
}

static int dns_clear(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->name)),
                              SD_JSON_BUILD_PAIR("owner", SD_JSON_BUILD_STRING(OWNER)));
}

static int http_publish(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(p->token)),
                SD_JSON_BUILD_PAIR("keyAuthorization", SD_JSON_BUILD_STRING(p->key_authorization)));
}

static int http_withdraw(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(p->token)));
}

static const ChallengeType types[] = {
        { "dns-01", "hagw-dnsd", "io.hagw.Dns", "io.hagw.Dns.PublishText", "io.hagw.Dns.Lookup",
          "io.hagw.Dns.WithdrawText", dns_publish, dns_check, dns_clear, dns_withdraw },
        { "http-01", "hagw-webd", "io.hagw.Web", "io.hagw.Web.PublishChallenge", NULL,
          "io.hagw.Web.WithdrawChallenge", http_publish, NULL, NULL, http_withdraw },
};

const ChallengeType *challenge_type_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(types[i].name, name))
                        return &types[i];
        return NULL;
}

int proof_new(const ChallengeType *type, const char *identifier, const char *token, const char *thumbprint,
              Proof **ret) {
        _cleanup_(proof_freep) Proof *p = calloc(1, sizeof(*p));
        uint8_t hash[32];

        if (!p)
                return -ENOMEM;
        p->type = type;
        p->token = strdup(token);
        if (!p->token || asprintf(&p->key_authorization, "%s.%s", token, thumbprint) < 0 ||
            asprintf(&p->name, "_acme-challenge.%s", identifier) < 0)
                return -ENOMEM;
        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, p->key_authorization, strlen(p->key_authorization), hash) <
            0)
                return -EIO;
        p->value = base64url_encode(hash, sizeof(hash));
        if (!p->value)
                return -ENOMEM;
        *ret = TAKE_PTR(p);
        return 0;
}

Proof *proof_free(Proof *p) {
        if (!p)
                return NULL;
        free(p->token);
        free(p->key_authorization);
        free(p->name);
        free(p->value);
        free(p);
        return NULL;
}

const char *proof_get_daemon(const Proof *p) {
        return p->type->daemon;
}

int proof_publish(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = p->type->publish_parameters(p, &v);
        if (r < 0)
                return r;
        return vl_request(event, p->type->interface, p->type->publish, v, TIMEOUT_USEC, handler, userdata,
                          ret);
}

int proof_clear(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        if (!p->type->clear_parameters)
                return 0;
        r = p->type->clear_parameters(p, &v);
        if (r < 0)
                return r;
        r = vl_request(event, p->type->interface, p->type->withdraw, v, TIMEOUT_USEC, handler, userdata,
                       ret);
        return r < 0 ? r : 1;
}

int proof_check(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        if (!p->type->check)
                return 0;
        r = p->type->check_parameters(p, &v);
        if (r < 0)
                return r;
        r = vl_request(event, p->type->interface, p->type->check, v, TIMEOUT_USEC, handler, userdata, ret);
        return r < 0 ? r : 1;
}

/* TXT data in presentation form is quoted (RFC 1035 section 5.1). */
bool proof_is_served(const Proof *p, sd_json_variant *reply) {
        sd_json_variant *answers = reply ? sd_json_variant_by_key(reply, "answers") : NULL;
        size_t n = strlen(p->value);

        for (size_t i = 0;
             answers && sd_json_variant_is_array(answers) && i < sd_json_variant_elements(answers); i++) {
                sd_json_variant *v = sd_json_variant_by_index(answers, i);
                const char *s = sd_json_variant_is_string(v) ? sd_json_variant_string(v) : "";

                s += *s == '"';
                if (strncmp(s, p->value, n) == 0 && (s[n] == '"' || s[n] == '\0'))
                        return true;
        }
        return false;
}

/* Requests nobody waits for; they end by themselves, or with the process. */
typedef struct Withdrawal {
        VlRequest *request;
        struct Withdrawal *next;
} Withdrawal;

static Withdrawal *withdrawals;

static void withdrawal_free(Withdrawal *w) {
        for (Withdrawal **p = &withdrawals; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        break;
                }
        vl_request_free(w->request);
        free(w);
}

static void on_withdrawn(sd_json_variant *reply, const char *error, void *userdata) {
        withdrawal_free(userdata);
}

void proof_withdraw(const Proof *p, sd_event *event) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Withdrawal *w = calloc(1, sizeof(*w));

        if (!w)
                return;
        w->next = withdrawals;
        withdrawals = w;
        if (p->type->withdraw_parameters(p, &v) < 0 ||
            vl_request(event, p->type->interface, p->type->withdraw, v, TIMEOUT_USEC, on_withdrawn, w,
                       &w->request) < 0)
                withdrawal_free(w);
}

void challenges_done(void) {
        while (withdrawals)
                withdrawal_free(withdrawals);
}
