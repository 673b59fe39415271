/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Attaching to the relay, and staying attached. Runs in the first worker's thread. */

#include <gnutls/crypto.h>
#include <stdio.h>
#include <time.h>

#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/house/agenttold.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"
#include "libhagw/net/ownaddress.h"
#include "libhagw/usec.h"

#define INTERFACE "io.hagw.Relay."

struct Agent {
        Worker *worker;
        RelayTarget *target;
        AgentState state;
        AgentLine *link;
        /* While attached, where hagw-keyd has another token by now: the link that is to take the place of
         * the one above, which stays until then. */
        AgentLine *next;
        char next_error[RELAY_ERROR_MAX]; /* why it could not; "": that token is good, or not tried yet */
        CallMessage *asking;    /* which token hagw-keyd has */
        Timer timer, next_timer;
        Backoff backoff;
        uint64_t attempt_usec;  /* when the last one began */
        uint64_t attached_usec; /* since when; CLOCK_MONOTONIC */
        uint64_t reload_usec;   /* the settings may have changed then */
        uint64_t hosts_told;    /* visitors refused for want of a host, when the relay heard of us last */
        ChannelPool pool;
        char *told;     /* which domains there is no host for, as the relay knows; NULL: none, or not told */
        bool suspended; /* so the relay said no, the last time that it did */
        bool expected; /* the relay has said that it comes back at once, and may well do so */
        AgentAttached attached; /* what the main thread is told */
};

/* The main thread keeps the newest for who asks, and logs it. error: why it waits; NULL: it does not. */
static void tell(const Agent *a, const char *error, bool refused, uint64_t retry_usec) {
        AgentStateMessage *m = message_new(&agent_state_message);

        if (!m)
                return;
        m->target = relay_target_ref(a->target);
        m->state = a->state;
        m->refused = refused;
        m->retry_usec = retry_usec;
        m->attached = a->attached;
        (void) snprintf(m->error, sizeof(m->error), "%s", error ?: a->next_error);
        queue_push(a->worker->main_queue, &m->message);
}

static void set_state(Agent *a, AgentState s) {
        static const unsigned from[_AGENT_STATE_MAX] = {
                [AGENT_RESOLVING] = STEPS_FROM(AGENT_WAITING),
                [AGENT_CONNECTING] = STEPS_FROM(AGENT_RESOLVING),
                [AGENT_PROVING] = STEPS_FROM(AGENT_CONNECTING, AGENT_ATTACHED),
                [AGENT_ATTACHED] = STEPS_FROM(AGENT_PROVING),
                [AGENT_WAITING] = STEPS_FROM(AGENT_RESOLVING, AGENT_CONNECTING, AGENT_PROVING,
                                             AGENT_ATTACHED, AGENT_WAITING),
        };
        Figures *c = a->worker->figures;

        assert_step(from, a->state, s);
        log_debug("Relay %s: %s -> %s", a->target->address, agent_state_text(a->state), agent_state_text(s));
        if (a->state == AGENT_ATTACHED && s != AGENT_ATTACHED)
                counter_sub(&c->agent_attached, 1);
        if (a->state != AGENT_ATTACHED && s == AGENT_ATTACHED)
                counter_add(&c->agent_attached, 1);
        a->state = s;
        if (s != AGENT_WAITING)
                tell(a, NULL, /* refused= */ false, 0);
}

static uint64_t random_number(const Agent *a) {
        uint64_t n;

        return gnutls_rnd(GNUTLS_RND_NONCE, &n, sizeof(n)) < 0 ? a->worker->loop.now_usec : n;
}

/* Who is suspended has a good token, and whoever lets him in again waits for him. */
static uint64_t next_pause(Agent *a, bool refused) {
        const uint64_t now = a->worker->loop.now_usec, random = random_number(a),
                       most = a->suspended ? AGENT_SUSPENDED_MAX_USEC : AGENT_REFUSED_MAX_USEC;

        return refused ? backoff_next(&a->backoff, AGENT_REFUSED_MIN_USEC / 2, AGENT_REFUSED_MIN_USEC, most,
                                      random) :
                         backoff_after(&a->backoff, now, AGENT_RETRY_MIN_USEC, AGENT_RETRY_MAX_USEC, random);
}

static void forget_next(Agent *a) {
        loop_disarm(&a->worker->loop, &a->next_timer);
        a->next = agent_line_close(a->next);
}

static void detach(Agent *a) {
        channel_pool_close(&a->pool);
        a->link = agent_line_close(a->link);
        forget_next(a);
        a->next_error[0] = '\0';
        a->attached.since_usec = 0;
        a->expected = false;
}

/* It was attached for so long that what went wrong before is over. */
static void settle(Agent *a) {
        if (a->state == AGENT_ATTACHED &&
            a->worker->loop.now_usec - a->attached_usec >= AGENT_SETTLED_USEC)
                a->backoff = (Backoff) {};
}

/* at_least_usec: what the relay asked for; 0: nothing. */
static void wait_and_retry(Agent *a, const char *why, bool refused, uint64_t at_least_usec) {
        Loop *loop = &a->worker->loop;
        uint64_t wait;

        settle(a);
        wait = next_pause(a, refused);
        if (a->expected)
                wait = random_number(a) % AGENT_EXPECTED_USEC;
        if (at_least_usec > 0) {
                at_least_usec = MIN(at_least_usec, (uint64_t) AGENT_BUSY_MAX_USEC);
                wait = MAX(wait, at_least_usec + random_number(a) % at_least_usec);
        }
        detach(a);
        set_state(a, AGENT_WAITING);
        loop_arm(loop, &a->timer, loop->now_usec + wait);
        tell(a, why, refused, loop->now_usec + wait);
}

/* The token that it is attached with is still good for all that is known; the new one is tried again. */
static void next_failed(Agent *a, const char *why, bool refused) {
        Loop *loop = &a->worker->loop;
        uint64_t wait = next_pause(a, refused);

        forget_next(a);
        loop_arm(loop, &a->next_timer, loop->now_usec + wait);
        (void) snprintf(a->next_error, sizeof(a->next_error), "%s", why);
        tell(a, NULL, refused, loop->now_usec + wait);
}

/* The relay has let the next one in, or the other one is gone: from here on the next one is the link. */
static void take_next(Agent *a) {
        AgentLine *next = a->next;
        Loop *loop = &a->worker->loop;

        a->next = NULL;
        detach(a);
        a->link = next;
        loop_arm(loop, &a->timer, loop->now_usec + AGENT_REPLY_USEC);
        set_state(a, AGENT_PROVING);
}

/* at_least_usec: as with wait_and_retry(). */
static void fail_link(Agent *a, const AgentLine *l, const char *why, bool refused,
                        uint64_t at_least_usec) {
        if (l == a->next)
                next_failed(a, why, refused);
        /* The relay ends what the next one takes the place of, and may do so before it says yes. */
        else if (a->next && a->next->state == AGENT_LINE_OPEN)
                take_next(a);
        else
                wait_and_retry(a, why, refused, at_least_usec);
}

static void on_link_state(AgentLine *l) {
        static const AgentState states[_AGENT_LINE_STATE_MAX] = {
                [AGENT_LINE_RESOLVING] = AGENT_RESOLVING,  [AGENT_LINE_CONNECTING] = AGENT_CONNECTING,
                [AGENT_LINE_HANDSHAKE] = AGENT_CONNECTING, [AGENT_LINE_PROVING] = AGENT_PROVING,
                [AGENT_LINE_OPEN] = AGENT_PROVING,
        };
        Agent *a = l->userdata;

        if (l != a->next && a->state != states[l->state])
                set_state(a, states[l->state]);
}

static void on_link_failed(AgentLine *l, AgentLineFailure failure, const char *why) {
        fail_link(l->userdata, l, why, failure == AGENT_LINE_NO_TOKEN, 0);
}

static int send_attach(Agent *a, AgentLine *l, sd_json_variant *proof) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r = agent_told_build(a->target, a->worker->snapshot->routes, &a->attached, proof, &a->told, &v);

        return r < 0 ? r : control_send_call(&l->transport, INTERFACE "Attach", v, /* more= */ true);
}

static void on_link_open(AgentLine *l, sd_json_variant *proof) {
        Agent *a = l->userdata;
        Loop *loop = &a->worker->loop;

        if (send_attach(a, l, proof) < 0) {
                fail_link(a, l, "the connection to the relay broke", /* refused= */ false, 0);
                return;
        }
        loop_arm(loop, l == a->next ? &a->next_timer : &a->timer, loop->now_usec + AGENT_REPLY_USEC);
}

static bool has_news(const Agent *a) {
        return agent_told_is_old(a->told, a->worker->snapshot->routes, &a->attached);
}
static void attempt_next(Agent *a);

static void on_first_reply(Agent *a, AgentLine *l, sd_json_variant *parameters) {
        const char *text = strempty(control_string(parameters, "zone"));
        Loop *loop = &a->worker->loop;
        uint8_t session_id[CHANNEL_SESSION_ID_SIZE];
        char address[IP_TEXT_MAX], zone[HOSTNAME_MAX + 1];

        if (!control_bytes(parameters, "sessionId", session_id, sizeof(session_id)) ||
            hostname_normalize(text, strlen(text), zone) < 0) {
                fail_link(a, l, "its first answer has no session or no zone in it", /* refused= */ false,
                            0);
                return;
        }
        if (l == a->next)
                take_next(a);
        loop_arm(loop, &a->timer, loop->now_usec + AGENT_SILENCE_USEC);
        a->attached_usec = loop->now_usec;
        a->attached.since_usec = clock_usec(CLOCK_REALTIME);
        memcpy(a->attached.zone, zone, sizeof(zone));
        memcpy(a->attached.token_id, l->token_id, sizeof(l->token_id));
        agent_said_forget(&a->attached); /* it may have restarted */
        (void) agent_said_refused(&a->attached, parameters);
        (void) agent_said_domains(&a->attached, parameters);
        (void) agent_said_opens(&a->attached, parameters);
        (void) agent_said_exhausted(&a->attached, parameters);
        (void) agent_said_alone(&a->attached, parameters);
        a->hosts_told = a->attached.refused[REFUSAL_HOST].n;
        (void) snprintf(a->attached.address, sizeof(a->attached.address),
                        l->address.family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip_format(&l->address, address),
                        a->target->port);
        set_state(a, AGENT_ATTACHED);
        channel_pool_open(&a->pool, a->target, session_id, &l->keys, &l->address,
                          (uint64_t) MAX(control_integer(parameters, "channels", UINT32_MAX), INT64_C(0)),
                          (uint64_t) MAX(control_integer(parameters, "waiting", 0), INT64_C(0)));
        if (has_news(a))
                attempt_next(a);
}

static void on_refusal(Agent *a, const AgentLine *l, const ControlReply *reply) {
        int64_t retry = control_integer(reply->parameters, "retryUSec", 0);
        char buffer[RELAY_ERROR_MAX];
        bool busy = streq(reply->error, INTERFACE "Busy");

        a->suspended = streq(reply->error, INTERFACE "Suspended");
        if (l == a->link && streq(reply->error, INTERFACE "TakenOver"))
                a->attached.taken_over_usec = clock_usec(CLOCK_REALTIME);
        /* The token was good until now: hagw-keyd may have another one by this time. */
        if (l == a->link && a->state == AGENT_ATTACHED && streq(reply->error, INTERFACE "NotAdmitted")) {
                settle(a);
                a->expected = backoff_begin_anew(&a->backoff, AGENT_EXPECTED_MAX);
        }
        relay_target_refusal(a->target, reply->error, buffer, sizeof(buffer));
        fail_link(a, l, buffer, !busy,
                    busy ? (uint64_t) MAX(retry, INT64_C(0)) : 0);
}

/* One that says so at each attach comes back no sooner by being asked all the time. */
static void on_leaving(Agent *a) {
        settle(a);
        a->expected = backoff_begin_anew(&a->backoff, AGENT_EXPECTED_MAX);
        wait_and_retry(a, a->expected ? "it restarts" : "it says again and again that it restarts",
                       /* refused= */ false, 0);
}

static bool has_missed_host(const Agent *a) {
        return agent_told_has_missed(a->hosts_told, a->worker->snapshot->routes, &a->attached);
}

static void ask_token(Agent *a);

static void on_link_message(AgentLine *l, sd_json_variant *message) {
        Agent *a = l->userdata;
        Loop *loop = &a->worker->loop;
        ControlReply reply;
        int64_t limit, wish;

        if (control_read_reply(message, &reply) < 0) {
                fail_link(a, l, "it has sent something that is no answer", /* refused= */ false, 0);
                return;
        }
        if (reply.error) {
                on_refusal(a, l, &reply);
                return;
        }
        if (!reply.continues) {
                fail_link(a, l, "it has ended the attachment", /* refused= */ false, 0);
                return;
        }
        if (control_boolean(reply.parameters, "leaving")) {
                on_leaving(a);
                return;
        }
        if (l == a->next || a->state != AGENT_ATTACHED) {
                on_first_reply(a, l, reply.parameters);
                return;
        }
        loop_arm(loop, &a->timer, loop->now_usec + AGENT_SILENCE_USEC);
        if (agent_said_refused(&a->attached, reply.parameters) |
            agent_said_domains(&a->attached, reply.parameters) |
            agent_said_opens(&a->attached, reply.parameters) |
            agent_said_exhausted(&a->attached, reply.parameters) |
            agent_said_alone(&a->attached, reply.parameters))
                tell(a, NULL, /* refused= */ false, 0);
        if (!a->next && has_news(a))
                attempt_next(a);
        /* What it tells may be of before the reload. */
        if (loop->now_usec < a->reload_usec + AGENT_SILENCE_USEC && has_missed_host(a))
                ask_token(a);
        limit = control_integer(reply.parameters, "channels", -1);
        if (limit >= 0)
                channel_pool_set_limit(&a->pool, (uint64_t) limit);
        wish = control_integer(reply.parameters, "waiting", -1);
        if (wish >= 0)
                channel_pool_set_wish(&a->pool, (uint64_t) wish);
}

static const AgentLineOps link_ops = {
        .on_state = on_link_state,
        .on_open = on_link_open,
        .on_message = on_link_message,
        .on_failed = on_link_failed,
};

static void attempt(Agent *a) {
        Loop *loop = &a->worker->loop;

        counter_add(&a->worker->figures->agent_attempts, 1);
        a->attempt_usec = loop->now_usec;
        loop_disarm(loop, &a->timer);
        a->link = agent_line_new(a->worker, a->target, /* prove= */ true, &link_ops, a);
        if (!a->link)
                wait_and_retry(a, "out of memory", /* refused= */ false, 0);
        else
                set_state(a, AGENT_RESOLVING);
}

/* --- another token ------------------------------------------------------------------------------------- */

static void attempt_next(Agent *a) {
        forget_next(a);
        counter_add(&a->worker->figures->agent_attempts, 1);
        a->next = agent_line_new(a->worker, a->target, /* prove= */ true, &link_ops, a);
        if (!a->next)
                next_failed(a, "out of memory", /* refused= */ false);
}

static void on_next_timer(Timer *t) {
        Agent *a = CONTAINER_OF(t, Agent, next_timer);

        if (a->next)
                next_failed(a, "it did not answer in time", /* refused= */ false);
        else
                attempt_next(a);
}

static void on_token(CallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        Agent *a = m->asker;
        const char *id;

        a->asking = NULL;
        if (m->failed || a->state != AGENT_ATTACHED || a->worker->stage >= WORKER_SHUT)
                return; /* whoever attaches asks for it anyway */
        (void) sd_json_parse(m->reply, /* flags= */ 0, &reply, NULL, NULL);
        id = control_string(reply, "tokenId");
        if (!id)
                return;
        if (!streq(id, a->attached.token_id) || has_missed_host(a) || has_news(a)) {
                attempt_next(a);
                return;
        }
        forget_next(a);
        if (!*a->next_error)
                return;
        a->next_error[0] = '\0';
        tell(a, NULL, /* refused= */ false, 0);
}

/* Where an earlier question is under way, its answer may be of before. */
static void ask_token(Agent *a) {
        CallMessage *m = message_new(&call_message);

        if (!m)
                return;
        if (a->asking)
                a->asking->asker = NULL;
        m->parameters = strdup("{}");
        m->worker = a->worker;
        m->asker = a;
        m->on_answer = on_token;
        m->peer = CALL_KEYD;
        m->method = "io.hagw.Key.GetToken";
        if (!m->parameters) {
                message_free(&m->message);
                return;
        }
        a->asking = m;
        queue_push(a->worker->main_queue, &m->message);
}

/* ------------------------------------------------------------------------------------------------------- */

static void on_timer(Timer *t) {
        Agent *a = CONTAINER_OF(t, Agent, timer);

        if (a->state == AGENT_WAITING)
                attempt(a);
        else if (a->state == AGENT_ATTACHED)
                wait_and_retry(a, "it has said nothing for 25 seconds", /* refused= */ false, 0);
        else
                wait_and_retry(a, "it did not answer in time", /* refused= */ false, 0);
}

void agent_nudge(Worker *w) {
        Agent *a = w->house->agent;
        Loop *loop = &w->loop;
        uint64_t due;

        if (!a || w->stage >= WORKER_SHUT)
                return;
        if (a->state == AGENT_ATTACHED &&
            !is_way_gone(a->link->transport.handle.fd, &a->link->address)) {
                a->reload_usec = loop->now_usec;
                ask_token(a);
                return;
        }
        a->backoff = (Backoff) {};
        /* One under way may well have begun after the change. */
        if (a->state < AGENT_ATTACHED && loop->now_usec < a->attempt_usec + AGENT_YOUNG_USEC)
                return;
        if (a->state != AGENT_WAITING)
                wait_and_retry(a, "the network has changed", /* refused= */ false, 0);
        due = MAX(loop->now_usec, a->attempt_usec + AGENT_NUDGE_USEC);
        loop_arm(loop, &a->timer, due);
        tell(a, NULL, /* refused= */ false, due);
}

void agent_leave(Worker *w) {
        Agent *a = w->house->agent;

        if (!a)
                return;
        loop_disarm(&w->loop, &a->timer);
        a->link = agent_line_close(a->link);
        forget_next(a);
}

const uint8_t *agent_session(const Worker *w, const RelayTarget *target) {
        const Agent *a = w->house->agent;

        return a && a->target == target && a->pool.open ? a->pool.session_id : NULL;
}

Agent *agent_free(Agent *a) {
        if (!a)
                return NULL;
        detach(a);
        set_state(a, AGENT_WAITING);
        loop_disarm(&a->worker->loop, &a->timer);
        if (a->asking)
                a->asking->asker = NULL;
        relay_target_unref(a->target);
        free(a->told);
        free(a);
        return NULL;
}

static Agent *agent_new(Worker *w) {
        Agent *a = calloc(1, sizeof(*a));

        if (!a)
                return NULL;
        a->worker = w;
        a->target = relay_target_ref(w->snapshot->relay);
        a->state = AGENT_WAITING;
        a->timer.fire = on_timer;
        a->next_timer.fire = on_next_timer;
        channel_pool_init(&a->pool, w);
        attempt(a);
        return a;
}

void agent_apply(Worker *w) {
        if (w->index != 0 || (w->house->agent && w->house->agent->target == w->snapshot->relay))
                return;
        w->house->agent = agent_free(w->house->agent);
        if (!w->snapshot->relay || w->stage >= WORKER_SHUT)
                return;
        w->house->agent = agent_new(w);
        if (!w->house->agent)
                (void) log_oom();
}
