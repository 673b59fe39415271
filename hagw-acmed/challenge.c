/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Challenges. Main thread only. */

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>

#include "hagw-acmed/challenge.h"
#include "libhagw/json.h"
#include "libhagw/pure/base64url.h"
#include "libhagw/pure/list.h"

#define OWNER "acmed"
#define LIFETIME_USEC USEC_PER_HOUR
#define TIMEOUT_USEC (20 * USEC_PER_SEC)
#define RELAY_TIMEOUT_USEC USEC_PER_MINUTE /* the relay answers when it serves the value */

typedef int (*Build)(const Proof *p, sd_json_variant **ret);

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

static int relay_publish(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->name)),
                              SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(p->value)));
}

/* io.hagw.Proxy.DescribeRelay's reply. */
static const char *relay_complaint(sd_json_variant *reply, bool *ret_soon) {
        const char *state = json_string(reply, "state");

        if (state && streq(state, "attached"))
                return NULL;
        /* Between two attempts it waits; in all other states one is being made. */
        *ret_soon = state && !streq(state, "waiting");
        return json_string(reply, "error") ?: state ?: "nothing is known of it";
}

static int http_publish(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(p->token)),
                SD_JSON_BUILD_PAIR("keyAuthorization", SD_JSON_BUILD_STRING(p->key_authorization)));
}

static int http_withdraw(const Proof *p, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(p->token)));
}

#define DNS_UNSERVED "Our own name server did not serve the answer to the challenge"
#define RELAY_ROW                                                                                   \
        .type = "dns-01", .daemon = "hagw-proxyd", .interface = "io.hagw.Proxy",                    \
        .timeout_usec = RELAY_TIMEOUT_USEC, .ready = "io.hagw.Proxy.DescribeRelay",                 \
        .complaint = relay_complaint, .publish = "io.hagw.Proxy.PublishChallenge",                  \
        .publish_parameters = relay_publish, .withdraw = "io.hagw.Proxy.WithdrawChallenge",         \
        .withdraw_parameters = relay_publish

static const struct {
        const char *type, *daemon, *interface;
        uint64_t timeout_usec;
        const char *ready; /* asked first; NULL: nothing */
        const char *(*complaint)(sd_json_variant *reply, bool *ret_soon);
        const char *publish;
        Build publish_parameters;
        const char *check; /* over varlink; NULL: not so */
        Build check_parameters;
        const char *path;  /* over HTTP, before the token; NULL: not so */
        const char *unserved;
        const char *withdraw;
        Build clear_parameters; /* for withdraw: all there is at the name; NULL: nothing can be */
        Build withdraw_parameters;
        bool at_alias;
} ways[_PROOF_WAY_MAX] = {
        [PROOF_DNS] = { .type = "dns-01", .daemon = "hagw-dnsd", .interface = "io.hagw.Dns",
                        .timeout_usec = TIMEOUT_USEC, .publish = "io.hagw.Dns.PublishText",
                        .publish_parameters = dns_publish, .check = "io.hagw.Dns.Lookup",
                        .check_parameters = dns_check, .unserved = DNS_UNSERVED,
                        .withdraw = "io.hagw.Dns.WithdrawText", .clear_parameters = dns_clear,
                        .withdraw_parameters = dns_withdraw },
        [PROOF_RELAY] = { RELAY_ROW },
        [PROOF_ALIAS] = { RELAY_ROW, .at_alias = true },
        [PROOF_HTTP] = { .type = "http-01", .daemon = "hagw-webd", .interface = "io.hagw.Web",
                         .timeout_usec = TIMEOUT_USEC, .publish = "io.hagw.Web.PublishChallenge",
                         .publish_parameters = http_publish, .path = "/.well-known/acme-challenge/",
                         .unserved = "Port 80 of this machine does not give hagw's answer to the challenge: "
                                     "is another web server there?",
                         .withdraw = "io.hagw.Web.WithdrawChallenge", .withdraw_parameters = http_withdraw },
};

const char *proof_way_type(ProofWay way) {
        return ways[way].type;
}

const char *proof_way_unserved(ProofWay way) {
        return ways[way].unserved;
}

char *proof_way_advice(ProofWay way, const char *identifier, const char *alias) {
        char *text;

        if (!ways[way].at_alias ||
            asprintf(&text, "Where the DNS of that name is kept, there has to be: "
                            "_acme-challenge.%s CNAME _acme-challenge.%s", identifier, strempty(alias)) < 0)
                return NULL;
        return text;
}

int proof_way_ask_ready(ProofWay way, sd_event *event, VlReplyHandler handler, void *userdata,
                        VlRequest **ret) {
        int r;

        if (!ways[way].ready)
                return 0;
        r = vl_request(event, ways[way].interface, ways[way].ready, /* parameters= */ NULL, TIMEOUT_USEC,
                       handler, userdata, ret);
        return r < 0 ? r : 1;
}

const char *proof_way_complaint(ProofWay way, sd_json_variant *reply, bool *ret_soon) {
        *ret_soon = false;
        return ways[way].complaint(reply, ret_soon);
}

int proof_new(ProofWay way, const char *identifier, const char *alias, const char *token,
              const char *thumbprint, Proof **ret) {
        _cleanup_(proof_freep) Proof *p = calloc(1, sizeof(*p));
        uint8_t hash[32];

        if (!p)
                return -ENOMEM;
        p->way = way;
        p->identifier = strdup(identifier);
        p->token = strdup(token);
        if (!p->identifier || !p->token ||
            asprintf(&p->key_authorization, "%s.%s", token, thumbprint) < 0 ||
            asprintf(&p->name, "_acme-challenge.%s", ways[way].at_alias ? strempty(alias) : identifier) < 0)
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
        free(p->identifier);
        free(p->token);
        free(p->key_authorization);
        free(p->name);
        free(p->value);
        free(p);
        return NULL;
}

const char *proof_get_daemon(const Proof *p) {
        return ways[p->way].daemon;
}

/* 1 where it was asked, 0 where this way has no such thing. */
static int proof_request(const Proof *p, const char *method, Build build, sd_event *event,
                         VlReplyHandler handler, void *userdata, VlRequest **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        if (!build)
                return 0;
        r = build(p, &v);
        if (r < 0)
                return r;
        r = vl_request(event, ways[p->way].interface, method, v, ways[p->way].timeout_usec, handler,
                       userdata, ret);
        return r < 0 ? r : 1;
}

int proof_publish(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret) {
        return proof_request(p, ways[p->way].publish, ways[p->way].publish_parameters, event, handler,
                             userdata, ret);
}

int proof_clear(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret) {
        return proof_request(p, ways[p->way].withdraw, ways[p->way].clear_parameters, event, handler,
                             userdata, ret);
}

int proof_check(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret) {
        return proof_request(p, ways[p->way].check, ways[p->way].check_parameters, event, handler, userdata,
                             ret);
}

char *proof_get_url(const Proof *p) {
        char *url;

        if (!ways[p->way].path ||
            asprintf(&url, "http://%s%s%s", p->identifier, ways[p->way].path, p->token) < 0)
                return NULL;
        return url;
}

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
        struct Withdrawal *next, **place;
} Withdrawal;

static Withdrawal *withdrawals;

static void withdrawal_free(Withdrawal *w) {
        LIST_REMOVE(w);
        vl_request_free(w->request);
        free(w);
}

static void on_withdrawn(sd_json_variant *reply, const char *error, void *userdata) {
        withdrawal_free(userdata);
}

void proof_withdraw(const Proof *p, sd_event *event) {
        Withdrawal *w = calloc(1, sizeof(*w));

        if (!w)
                return;
        LIST_ADD(&withdrawals, w);
        if (proof_request(p, ways[p->way].withdraw, ways[p->way].withdraw_parameters, event, on_withdrawn, w,
                          &w->request) <= 0)
                withdrawal_free(w);
}

void challenges_done(void) {
        for (Withdrawal *w = withdrawals, *next; w; w = next) {
                next = w->next;
                withdrawal_free(w);
        }
}
