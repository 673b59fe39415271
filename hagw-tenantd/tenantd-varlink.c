/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Tenant: what hagw-proxyd and hagw-dnsd ask. A change is stored before it is answered. Main thread
 * only. */

#include "hagw-tenantd/account.h"
#include "hagw-tenantd/error.h"
#include "hagw-tenantd/feed.h"
#include "hagw-tenantd/name.h"
#include "hagw-tenantd/tenant-json.h"
#include "hagw-tenantd/tenantd-varlink.h"
#include "hagw-tenantd/token.h"
#include "hagw-tenantd/usage.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Tenant.h"

/* --- proofs -------------------------------------------------------------------------------------------- */

typedef struct ProofParameters {
        const char *tenant, *id;
        sd_json_variant *proof, *binding;
        const char *name, *value;  /* of challenges */
        const char *issuer, *uri;  /* of an account */
        bool shared;               /* of a token that goes back */
} ProofParameters;

/* base64 of exactly size bytes. */
static int unbase64(sd_json_variant *v, void *out, size_t size) {
        _cleanup_free_ void *data = NULL;
        size_t n;
        int r;

        r = sd_json_variant_unbase64(v, &data, &n);
        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;
        if (n != size)
                return -EINVAL;
        memcpy(out, data, size);
        explicit_bzero(data, size);
        return 0;
}

/* 1 where the proof is right; else an error was sent, or is to be returned. */
static int check_whose(Manager *m, sd_varlink *link, const ProofParameters *p, bool *ret_suspended) {
        uint8_t proof[RELAY_SECRET_SIZE], binding[RELAY_BINDING_SIZE];
        int r;

        r = unbase64(p->proof, proof, sizeof(proof));
        if (r < 0)
                return sd_varlink_error_invalid_parameter_name(link, "proof");
        r = unbase64(p->binding, binding, sizeof(binding));
        if (r < 0)
                return sd_varlink_error_invalid_parameter_name(link, "binding");
        if (!m->config->tenants.zone)
                return sd_varlink_error(link, TENANT_ERROR_NO_RELAY, NULL);
        r = token_check(&m->db, p->tenant, p->id, proof, binding, clock_usec(CLOCK_REALTIME),
                        ret_suspended);
        if (r == -EKEYREJECTED) {
                m->counts.refused++;
                return sd_varlink_error(link, TENANT_ERROR_NOT_ADMITTED, NULL);
        }
        if (r < 0)
                return error_store(link, r);
        manager_used(m);
        return 1;
}

/* The same, of a tenant that may do something. */
static int check_proof(Manager *m, sd_varlink *link, const ProofParameters *p) {
        bool suspended;
        int r;

        r = check_whose(m, link, p, &suspended);
        if (r <= 0)
                return r;
        if (suspended)
                return sd_varlink_error(link, TENANT_ERROR_SUSPENDED, NULL);
        m->counts.admitted++;
        return 1;
}

static int vl_method_authenticate(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        const ProofParameters *p = parameters;
        int r;

        r = check_proof(m, link, p);
        if (r <= 0)
                return r;
        r = route_by_name(m, p->tenant, &v);
        if (r < 0)
                return error_store(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_VARIANT(v)));
}

/* Of one that is suspended, too: nothing is let in by it. */
static int vl_method_give_back(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;
        const ProofParameters *p = parameters;
        bool suspended;
        int r;

        r = check_whose(m, link, p, &suspended);
        if (r <= 0)
                return r;
        if (p->shared)
                return sd_varlink_error(link, TENANT_ERROR_TOKEN_SHARED, NULL);
        r = token_give_back(&m->db, p->tenant, p->id);
        if (r < 0)
                return error_store(link, r);
        manager_changed(m);
        log_info("Tenant %s: its house has given token %s back.", p->tenant, p->id);
        return sd_varlink_reply(link, NULL);
}

/* --- DNS ----------------------------------------------------------------------------------------------- */

/* 1 where it may go on; name has room for HOSTNAME_MAX + 1. */
static int begin_challenge(Manager *m, sd_varlink *link, const ProofParameters *p, char *name) {
        int r;

        r = check_proof(m, link, p);
        if (r <= 0)
                return r;
        if (!challenge_name_is_tenants(p->name, p->tenant, m->config->tenants.zone, name))
                return error_text(link, TENANT_ERROR_NAME_NOT_YOURS, "name", p->name);
        if (!challenge_value_is_valid(p->value))
                return sd_varlink_error_invalid_parameter_name(link, "value");
        return 1;
}

static int vl_method_publish_challenge(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        char name[HOSTNAME_MAX + 1];
        Manager *m = userdata;
        const ProofParameters *p = parameters;
        int r;

        r = begin_challenge(m, link, p, name);
        if (r <= 0)
                return r;
        return publisher_publish(m->publisher, link, p->tenant, name, p->value, clock_usec(CLOCK_REALTIME));
}

static int vl_method_withdraw_challenge(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        char name[HOSTNAME_MAX + 1];
        Manager *m = userdata;
        const ProofParameters *p = parameters;
        int r;

        r = begin_challenge(m, link, p, name);
        if (r <= 0)
                return r;
        return publisher_withdraw(m->publisher, link, name, p->value);
}

/* How long somebody may still remember the tenant's records without an account that came beside others. */
static uint64_t caa_wait(const Config *c, uint64_t since_usec, uint64_t now_usec) {
        const ConfZone *zone = c->tenants.zone ? config_find_zone(c, c->tenants.zone) : NULL;
        const uint64_t ttl = zone ? conf_zone_caa_usec(zone) : CONF_CAA_TTL_USEC;

        if (since_usec == 0 || since_usec + ttl <= now_usec)
                return 0;
        return MIN(since_usec + ttl - now_usec, ttl);
}

static int vl_method_set_account(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char issuer[HOSTNAME_MAX + 1], others[SELDOM_TEXT_MAX];
        uint64_t since = 0, wait;
        Manager *m = userdata;
        const ProofParameters *p = parameters;
        int r;

        r = check_proof(m, link, p);
        if (r <= 0)
                return r;
        if (*p->issuer && !account_issuer_normalize(p->issuer, issuer))
                return sd_varlink_error_invalid_parameter_name(link, "issuer");
        if (*p->issuer && !account_uri_is_valid(p->uri))
                return sd_varlink_error_invalid_parameter_name(link, "accountUri");
        r = *p->issuer ? account_set(&m->db, p->tenant, p->id, issuer, p->uri, now)
                      : account_remove(&m->db, p->tenant, p->id);
        if (r > 0 && seldom_take_of(&m->accounts, MANAGER_ACCOUNT_LINES_MAX, clock_usec(CLOCK_MONOTONIC),
                                    others))
                log_info("Tenant %s, token %s: the certificate authority is %s now%s.", p->tenant, p->id,
                         *p->issuer ? issuer : "not named any more", others);
        if (r >= 0)
                r = account_get_since(&m->db, p->tenant, p->id, &since);
        if (r < 0)
                return error_store(link, r);
        wait = caa_wait(m->config, since, now);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_CONDITION(wait > 0, "waitUSec",
                                                                     SD_JSON_BUILD_UNSIGNED(wait)));
}

/* --- enrolment ----------------------------------------------------------------------------------------- */

typedef struct EnrolParameters {
        const char *code, *address;
        const char *tenant; /* NULL: whosever the code is */
        sd_json_variant *stored_key;
} EnrolParameters;

/* Whichever it is costs as much as a wrong code, so that nothing can be tried for less. Guesses from
 * everywhere are not held up, so their lines are (seldom.h). text: what came, and whence. */
static void charge(Manager *m, const IpAddress *from, RefusedCode why, const char *text) {
        const uint64_t now = clock_usec(CLOCK_MONOTONIC);
        char others[SELDOM_TEXT_MAX];

        guess_charge(&m->guesses, from, now);
        m->counts.refused_codes++;
        if (seldom_take(&m->refused_codes[why], now, others))
                log_info("%s%s.", text, others);
}

static int refuse_code(Manager *m, sd_varlink *link, const IpAddress *from) {
        char address[IP_TEXT_MAX], text[128];

        (void) snprintf(text, sizeof(text), "A wrong enrolment code came from %s", ip_format(from, address));
        charge(m, from, REFUSED_CODE_BAD, text);
        return sd_varlink_error(link, TENANT_ERROR_BAD_CODE, NULL);
}

/* The code is right, and stays good. */
static void charge_good(Manager *m, const IpAddress *from, RefusedCode why, const char *tenant,
                        const char *but) {
        char address[IP_TEXT_MAX], text[512];

        (void) snprintf(text, sizeof(text), "Tenant %s: a code of it came from %s, %s; the code stays good",
                        tenant, ip_format(from, address), but);
        charge(m, from, why, text);
}

static int refuse_suspended(Manager *m, sd_varlink *link, const IpAddress *from, const char *tenant) {
        charge_good(m, from, REFUSED_CODE_SUSPENDED, tenant, "but it is suspended");
        return sd_varlink_error(link, TENANT_ERROR_SUSPENDED, NULL);
}

static int refuse_one_more(Manager *m, sd_varlink *link, const IpAddress *from, const char *tenant) {
        char but[384];

        (void) snprintf(but, sizeof(but),
                        "but it has %u tokens, as many as it may (hagw-ctl tenant show %s says when each "
                        "was used, hagw-ctl tenant revoke %s TOKEN ends one)",
                        TENANT_TOKENS_MAX, tenant, tenant);
        charge_good(m, from, REFUSED_CODE_FULL, tenant, but);
        return error_tokens_full(link, tenant);
}

static int refuse_other(Manager *m, sd_varlink *link, const IpAddress *from, const char *tenant,
                        const char *house) {
        char but[HOSTNAME_LABEL_MAX + 64];

        (void) snprintf(but, sizeof(but), "out of a house that is %s here", house);
        charge_good(m, from, REFUSED_CODE_OTHER, tenant, but);
        return sd_varlink_error(link, TENANT_ERROR_OTHER_TENANT, NULL);
}

static int enrol(Manager *m, sd_varlink *link, const EnrolParameters *p, const IpAddress *from,
                 const uint8_t code[static RELAY_CODE_BYTES],
                 const uint8_t stored_key[static RELAY_SECRET_SIZE]) {
        _cleanup_transaction_ DbTransaction t = {};
        char tenant[HOSTNAME_LABEL_MAX + 1], id[RELAY_TOKEN_ID_LENGTH + 1];
        int r;

        r = db_begin(&m->db, &t);
        if (r >= 0)
                r = code_redeem(&m->db, code, p->tenant, stored_key, clock_usec(CLOCK_REALTIME), tenant, id);
        if (r == -ENOENT)
                return refuse_code(m, link, from);
        if (r == -EPERM)
                return refuse_suspended(m, link, from, tenant);
        if (r == -EXDEV)
                return refuse_other(m, link, from, tenant, p->tenant);
        if (r == -E2BIG)
                return refuse_one_more(m, link, from, tenant);
        if (r >= 0)
                r = db_commit(&t);
        if (r < 0)
                return error_store(link, r);
        m->counts.enrolled++;
        manager_changed(m);
        log_info("Tenant %s: a machine at %s enrolled with a code and has token %s.", tenant, p->address,
                 id);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(tenant)),
                                  SD_JSON_BUILD_PAIR("tokenId", SD_JSON_BUILD_STRING(id)));
}

static int vl_method_enrol(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        uint8_t code[RELAY_CODE_BYTES], stored_key[RELAY_SECRET_SIZE];
        Manager *m = userdata;
        const EnrolParameters *p = parameters;
        IpAddress from;
        uint64_t wait;
        int r;

        if (p->tenant && !relay_tenant_is_valid(p->tenant))
                return sd_varlink_error_invalid_parameter_name(link, "tenant");
        if (ip_parse(p->address, &from) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "address");
        if (unbase64(p->stored_key, stored_key, sizeof(stored_key)) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "storedKey");
        if (!m->config->tenants.zone)
                return sd_varlink_error(link, TENANT_ERROR_NO_RELAY, NULL);
        wait = guess_wait_usec(&m->guesses, &from, clock_usec(CLOCK_MONOTONIC));
        if (wait > 0) {
                m->counts.throttled++;
                return error_busy(link, wait);
        }
        if (relay_code_parse(p->code, code) < 0)
                return refuse_code(m, link, &from);
        r = enrol(m, link, p, &from, code, stored_key);
        explicit_bzero(code, sizeof(code));
        return r;
}

/* --- usage --------------------------------------------------------------------------------------------- */

static int dispatch_usage(sd_json_variant *v, Usage *ret) {
        static const sd_json_dispatch_field table[] = {
                FIELD_STRING("tenant", Usage, tenant),
                FIELD_UINT64("received", Usage, received),
                FIELD_UINT64("sent", Usage, sent),
                FIELD_UINT64("visitors", Usage, visitors),
                {},
        };
        Usage u = {};
        int r;

        r = sd_json_dispatch(v, table, /* flags= */ 0, &u);
        if (r < 0)
                return r;
        if (u.received > USAGE_REPORT_MAX || u.sent > USAGE_REPORT_MAX || u.visitors > USAGE_REPORT_MAX)
                return -ERANGE;
        *ret = u;
        return 0;
}

typedef struct UsageParameters {
        sd_json_variant *usage;
} UsageParameters;

static int vl_method_report_usage(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_transaction_ DbTransaction t = {};
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        sd_json_variant *usage = ((const UsageParameters *) parameters)->usage;
        Manager *m = userdata;
        int r;

        if (sd_json_variant_elements(usage) > USAGE_ROWS_MAX)
                return sd_varlink_error_invalid_parameter_name(link, "usage");
        r = db_begin(&m->db, &t);
        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(usage); i++) {
                Usage u;

                if (dispatch_usage(sd_json_variant_by_index(usage, i), &u) < 0)
                        return sd_varlink_error_invalid_parameter_name(link, "usage");
                r = usage_add(&m->db, &u, now);
        }
        if (r >= 0)
                r = db_commit(&t);
        if (r < 0)
                return error_store(link, r);
        return sd_varlink_reply(link, NULL);
}

/* --- feeds --------------------------------------------------------------------------------------------- */

static int vl_method_watch(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return feed_routes(userdata, link);
}

static int vl_method_watch_accounts(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;

        /* It asks once, when it starts: what was published in the one before is gone. */
        publisher_repeat(m->publisher, clock_usec(CLOCK_REALTIME));
        return feed_accounts(m, link);
}

#define PROOF                                                                                               \
        FIELD_STRING("tenant", ProofParameters, tenant), FIELD_STRING("tokenId", ProofParameters, id),      \
                FIELD_VARIANT("proof", STRING, ProofParameters, proof),                                     \
                FIELD_VARIANT("binding", STRING, ProofParameters, binding)
#define CHALLENGE                                                                                           \
        VL_PARAMETERS(ProofParameters, PROOF, FIELD_STRING("name", ProofParameters, name),                  \
                      FIELD_STRING("value", ProofParameters, value))

const VlMethod tenantd_methods[] = {
        { "io.hagw.Tenant.Watch", VL_PEER_PROXYD, vl_method_watch },
        { "io.hagw.Tenant.WatchAccounts", VL_PEER_DNSD, vl_method_watch_accounts },
        { "io.hagw.Tenant.Authenticate", VL_PEER_PROXYD, vl_method_authenticate,
          VL_PARAMETERS(ProofParameters, PROOF) },
        { "io.hagw.Tenant.Enrol", VL_PEER_PROXYD, vl_method_enrol,
          VL_PARAMETERS(EnrolParameters,
                        FIELD_STRING("code", EnrolParameters, code),
                        FIELD_VARIANT("storedKey", STRING, EnrolParameters, stored_key),
                        FIELD_STRING("address", EnrolParameters, address),
                        FIELD_STRING("tenant", EnrolParameters, tenant, SD_JSON_NULLABLE)),
          .secret = true },
        { "io.hagw.Tenant.GiveBack", VL_PEER_PROXYD, vl_method_give_back,
          VL_PARAMETERS(ProofParameters, PROOF,
                        FIELD_BOOL("shared", ProofParameters, shared, SD_JSON_NULLABLE)) },
        { "io.hagw.Tenant.PublishChallenge", VL_PEER_PROXYD, vl_method_publish_challenge, CHALLENGE },
        { "io.hagw.Tenant.WithdrawChallenge", VL_PEER_PROXYD, vl_method_withdraw_challenge, CHALLENGE },
        { "io.hagw.Tenant.SetAccount", VL_PEER_PROXYD, vl_method_set_account,
          VL_PARAMETERS(ProofParameters, PROOF,
                        FIELD_STRING("issuer", ProofParameters, issuer),
                        FIELD_STRING("accountUri", ProofParameters, uri)) },
        { "io.hagw.Tenant.ReportUsage", VL_PEER_PROXYD, vl_method_report_usage,
          VL_PARAMETERS(UsageParameters, FIELD_VARIANT("usage", ARRAY, UsageParameters, usage)) },
        {},
};
