/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The methods of io.hagw.Proxy in a house that has a relay. Main thread only. */

#include <time.h>

#include "hagw-proxyd/house/house.h"
#include "hagw-proxyd/main/agent-varlink.h"
#include "libhagw/net/controlstream.h"
#include "libhagw/usec.h"

typedef struct Parameters {
        const char *name, *value;       /* a challenge's */
        const char *issuer, *account;   /* an account's */
        const char *address, *pin, *code, *stored_key, *tenant; /* an enrolment's */
        bool force;                     /* of a token that goes back */
} Parameters;

/* Of the worker's, as they are now. */
static uint64_t read_counter(const _Atomic uint64_t *c) {
        return atomic_load_explicit(c, memory_order_relaxed);
}

static int build_attachment(const Manager *m, const AgentStateMessage *s, sd_json_variant **ret) {
        uint64_t received = 0, sent = 0;
        char machine[SD_ID128_STRING_MAX];

        for (unsigned i = 0; i < m->n_workers; i++) {
                received += read_counter(&m->workers[i]->figures->agent_bytes.received);
                sent += read_counter(&m->workers[i]->figures->agent_bytes.sent);
        }
        relay_machine_id(machine);
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR_STRING("tenant", s->target->tenant),
                SD_JSON_BUILD_PAIR_STRING("tokenId", s->attached.token_id),
                SD_JSON_BUILD_PAIR_STRING("machine", machine),
                SD_JSON_BUILD_PAIR_STRING("software", RELAY_SOFTWARE),
                SD_JSON_BUILD_PAIR_STRING("address", s->attached.address),
                SD_JSON_BUILD_PAIR_UNSIGNED("sinceUSec", s->attached.since_usec),
                SD_JSON_BUILD_PAIR_UNSIGNED("waiting",
                                            read_counter(&m->workers[0]->figures->agent_waiting)),
                SD_JSON_BUILD_PAIR_UNSIGNED("visitors", agent_visitors(m->workers[0])),
                SD_JSON_BUILD_PAIR_UNSIGNED("received", received),
                SD_JSON_BUILD_PAIR_UNSIGNED("sent", sent));
}

static int build_refused(const AgentStateMessage *s, sd_json_variant **ret) {
        int r = 0;

        for (Refusal reason = REFUSAL_NONE + 1; r >= 0 && reason < _REFUSAL_MAX; reason++)
                if (s->attached.refused[reason].n > 0)
                        r = sd_json_variant_append_arraybo(
                                ret, SD_JSON_BUILD_PAIR_STRING("tenant", s->target->tenant),
                                SD_JSON_BUILD_PAIR_STRING("reason", refusal_name(reason)),
                                SD_JSON_BUILD_PAIR_STRING("text", refusal_text(reason)),
                                SD_JSON_BUILD_PAIR_UNSIGNED("count", s->attached.refused[reason].n),
                                SD_JSON_BUILD_PAIR_UNSIGNED("lastUSec",
                                                            s->attached.refused[reason].last_usec),
                                SD_JSON_BUILD_PAIR_CONDITION(s->attached.refused[reason].over, "over",
                                                             SD_JSON_BUILD_BOOLEAN(true)),
                                SD_JSON_BUILD_PAIR_CONDITION(
                                        reason == REFUSAL_HOST && *s->attached.refused_name, "name",
                                        SD_JSON_BUILD_STRING(s->attached.refused_name)));
        return r;
}

static int build_names(const char names[][HOSTNAME_MAX + 3], unsigned n, sd_json_variant **ret) {
        int r = sd_json_variant_new_array(ret, NULL, 0);

        for (unsigned i = 0; r >= 0 && i < n; i++)
                r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(names[i]));
        return r;
}

/* By this relay, and as long as this house takes them; CLOCK_REALTIME. 0: never. */
static uint64_t last_opened(const Manager *m, const RelayTarget *t) {
        uint64_t last = 0;

        for (unsigned i = 0; i < m->n_workers; i++)
                last = MAX(last, atomic_load_explicit(&m->workers[i]->figures->opened_usec,
                                                      memory_order_relaxed));
        return t->opened && last > t->made_usec ?
                       last + clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_MONOTONIC) :
                       0;
}

static int vl_method_describe_relay(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *attachment = NULL, *refused = NULL,
                                                                  *domains = NULL, *opens = NULL;
        const Manager *m = userdata;
        const RelayTarget *t = m->snapshot->relay;
        const AgentStateMessage *s = m->agent.last;
        uint64_t taken_usec, opened_usec;
        bool attached, waiting;
        int r;

        if (!t)
                return sd_varlink_error(link, "io.hagw.Proxy.NoRelay", NULL);
        if (s && s->target != t)
                s = NULL; /* of the configuration before */
        opened_usec = last_opened(m, t);
        attached = s && s->state == AGENT_ATTACHED;
        waiting = s && s->state == AGENT_WAITING;
        taken_usec = s ? s->attached.taken_over_usec : 0;
        if (attached) {
                r = build_attachment(m, s, &attachment);
                if (r < 0)
                        return sd_varlink_error_errno(link, r);
        }
        r = s ? build_refused(s, &refused) : 0;
        if (r >= 0 && attached && s->attached.domains_known)
                r = build_names(s->attached.domains, s->attached.n_domains, &domains);
        if (r >= 0 && attached && s->attached.opens_known)
                r = build_names(s->attached.opens, s->attached.n_opens, &opens);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(
                link, SD_JSON_BUILD_PAIR_STRING("address", t->address),
                SD_JSON_BUILD_PAIR_STRING("tenant", t->tenant),
                SD_JSON_BUILD_PAIR_STRING("state", agent_state_text(s ? s->state : AGENT_RESOLVING)),
                SD_JSON_BUILD_PAIR_CONDITION(s && *s->attached.zone, "zone",
                                             SD_JSON_BUILD_STRING(s ? s->attached.zone : "")),
                SD_JSON_BUILD_PAIR_CONDITION(s && *s->error, "error",
                                             SD_JSON_BUILD_STRING(s ? s->error : "")),
                SD_JSON_BUILD_PAIR_CONDITION(
                        waiting, "retryUSec",
                        SD_JSON_BUILD_UNSIGNED(waiting ? s->retry_usec + clock_usec(CLOCK_REALTIME) -
                                                                 clock_usec(CLOCK_MONOTONIC) :
                                                         0)),
                SD_JSON_BUILD_PAIR_CONDITION(attached, "attachment", SD_JSON_BUILD_VARIANT(attachment)),
                SD_JSON_BUILD_PAIR_CONDITION(!!refused, "refused", SD_JSON_BUILD_VARIANT(refused)),
                SD_JSON_BUILD_PAIR_CONDITION(!!domains, "domains", SD_JSON_BUILD_VARIANT(domains)),
                SD_JSON_BUILD_PAIR_CONDITION(!!opens, "opens", SD_JSON_BUILD_VARIANT(opens)),
                SD_JSON_BUILD_PAIR_CONDITION(attached && s->attached.exhausted_known, "exhausted",
                                             SD_JSON_BUILD_BOOLEAN(s && s->attached.exhausted)),
                SD_JSON_BUILD_PAIR_CONDITION(taken_usec > 0, "takenOverUSec",
                                             SD_JSON_BUILD_UNSIGNED(taken_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(opened_usec > 0, "openedUSec",
                                             SD_JSON_BUILD_UNSIGNED(opened_usec)),
                SD_JSON_BUILD_PAIR_UNSIGNED("rejected",
                                            read_counter(&m->workers[0]->figures->agent_rejected)));
}

static void answer_failure(sd_varlink *link, const AgentCallMessage *m) {
        if (m->result == AGENT_CALL_REFUSED)
                (void) sd_varlink_errorbo(link, "io.hagw.Proxy.RelayRefused",
                                          SD_JSON_BUILD_PAIR_STRING("error", m->text));
        else
                (void) sd_varlink_errorbo(link, "io.hagw.Proxy.RelayUnreachable",
                                          SD_JSON_BUILD_PAIR_STRING("reason", m->text));
}

static void on_done(sd_varlink *link, const AgentCallMessage *m) {
        if (m->result == AGENT_CALL_OK)
                (void) sd_varlink_reply(link, NULL);
        else
                answer_failure(link, m);
}

static void on_account_set(sd_varlink *link, const AgentCallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        sd_json_variant *wait;

        if (m->result != AGENT_CALL_OK) {
                answer_failure(link, m);
                return;
        }
        if (m->reply)
                (void) sd_json_parse(m->reply, /* flags= */ 0, &v, NULL, NULL);
        wait = v && sd_json_variant_is_object(v) ? sd_json_variant_by_key(v, "waitUSec") : NULL;
        if (wait && sd_json_variant_is_unsigned(wait) && sd_json_variant_unsigned(wait) <= INT64_MAX)
                (void) sd_varlink_replybo(
                        link, SD_JSON_BUILD_PAIR_UNSIGNED("waitUSec", sd_json_variant_unsigned(wait)));
        else
                (void) sd_varlink_reply(link, NULL);
}

static void on_enrolled(sd_varlink *link, const AgentCallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *tenant, *id, *zone;

        if (m->result != AGENT_CALL_OK) {
                answer_failure(link, m);
                return;
        }
        if (m->reply)
                (void) sd_json_parse(m->reply, /* flags= */ 0, &v, NULL, NULL);
        tenant = control_string(v, "tenant");
        id = control_string(v, "tokenId");
        zone = control_string(v, "zone");
        if (!tenant || !id || !zone)
                (void) sd_varlink_errorbo(link, "io.hagw.Proxy.RelayUnreachable",
                                          SD_JSON_BUILD_PAIR_STRING("reason", "its answer is no enrolment"));
        else
                (void) sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_STRING("tenant", tenant),
                                          SD_JSON_BUILD_PAIR_STRING("tokenId", id),
                                          SD_JSON_BUILD_PAIR_STRING("zone", zone));
}

/* At the relay that is configured. */
static int call_relay(Manager *m, sd_varlink *link, const char *method, sd_json_variant *parameters,
                      RelayRequestHandler handler) {
        int r;

        r = agent_view_call(&m->agent, m->snapshot->relay, method, /* prove= */ true, parameters, link,
                            handler);
        return r < 0 ? sd_varlink_error_errno(link, r) : 0;
}

static int handle_challenge(sd_varlink *link, const Parameters *p, const char *method, Manager *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        if (!m->snapshot->relay)
                return sd_varlink_error(link, "io.hagw.Proxy.NoRelay", NULL);
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("name", p->name),
                           SD_JSON_BUILD_PAIR_STRING("value", p->value));
        return r < 0 ? sd_varlink_error_errno(link, r) : call_relay(m, link, method, v, on_done);
}

static int vl_method_publish_challenge(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return handle_challenge(link, parameters, "PublishChallenge", userdata);
}

static int vl_method_withdraw_challenge(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return handle_challenge(link, parameters, "WithdrawChallenge", userdata);
}

static int vl_method_set_account(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        const Parameters *p = parameters;
        int r;

        if (!m->snapshot->relay)
                return sd_varlink_error(link, "io.hagw.Proxy.NoRelay", NULL);
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("issuer", p->issuer),
                           SD_JSON_BUILD_PAIR_STRING("accountUri", p->account));
        return r < 0 ? sd_varlink_error_errno(link, r)
                     : call_relay(m, link, "SetAccount", v, on_account_set);
}

/* By the proof alone, and what stands beside it. */
static int handle_leaving(sd_varlink *link, const char *method, bool force, Manager *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        if (!m->snapshot->relay)
                return sd_varlink_error(link, "io.hagw.Proxy.NoRelay", NULL);
        r = sd_json_variant_new_object(&v, NULL, 0);
        if (r >= 0 && force)
                r = sd_json_variant_set_field_boolean(&v, "force", true);
        return r < 0 ? sd_varlink_error_errno(link, r) : call_relay(m, link, method, v, on_done);
}

static int vl_method_give_back(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return handle_leaving(link, "GiveBack", ((const Parameters *) parameters)->force, userdata);
}

static int vl_method_leave(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return handle_leaving(link, "Leave", /* force= */ false, userdata);
}

/* Before any relay is configured. */
static int vl_method_enrol(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(relay_target_unrefp) RelayTarget *target = NULL;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        uint8_t pin[RELAY_PIN_SIZE];
        Manager *m = userdata;
        const Parameters *p = parameters;
        int r;

        if (p->pin && relay_pin_parse(p->pin, pin) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "pin");
        r = relay_target_new(p->address, p->pin, &target);
        if (r == -EINVAL)
                return sd_varlink_error_invalid_parameter_name(link, "address");
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("code", p->code),
                                   SD_JSON_BUILD_PAIR_STRING("storedKey", p->stored_key),
                                   SD_JSON_BUILD_PAIR_CONDITION(!!p->tenant, "tenant",
                                                                SD_JSON_BUILD_STRING(p->tenant)));
        if (r >= 0)
                r = agent_view_call(&m->agent, target, "Enrol", /* prove= */ false, v, link, on_enrolled);
        return r < 0 ? sd_varlink_error_errno(link, r) : 0;
}

#define CHALLENGE                                                                                           \
        VL_PARAMETERS(Parameters,                                                                           \
                      FIELD_STRING("name", Parameters, name),                                               \
                      FIELD_STRING("value", Parameters, value))

const VlMethod relay_methods[] = {
        { "io.hagw.Proxy.DescribeRelay", VL_PEER_ACMED | VL_PEER_WEBD, vl_method_describe_relay },
        { "io.hagw.Proxy.PublishChallenge", VL_PEER_ACMED, vl_method_publish_challenge, CHALLENGE },
        { "io.hagw.Proxy.WithdrawChallenge", VL_PEER_ACMED, vl_method_withdraw_challenge, CHALLENGE },
        { "io.hagw.Proxy.SetAccount", VL_PEER_ACMED, vl_method_set_account,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("issuer", Parameters, issuer),
                        FIELD_STRING("accountUri", Parameters, account)) },
        /* Whoever has the code can become the tenant. */
        { "io.hagw.Proxy.Enrol", VL_PEER_ROOT, vl_method_enrol,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("address", Parameters, address),
                        FIELD_STRING("pin", Parameters, pin, SD_JSON_NULLABLE),
                        FIELD_STRING("code", Parameters, code),
                        FIELD_STRING("storedKey", Parameters, stored_key),
                        FIELD_STRING("tenant", Parameters, tenant, SD_JSON_NULLABLE)),
          .secret = true },
        { "io.hagw.Proxy.GiveBack", VL_PEER_ROOT, vl_method_give_back,
          VL_PARAMETERS(Parameters, FIELD_BOOL("force", Parameters, force, SD_JSON_NULLABLE)) },
        { "io.hagw.Proxy.Leave", VL_PEER_ROOT, vl_method_leave },
        {},
};
