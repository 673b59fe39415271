/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The main thread's side of the house's relay. What becomes of the attachment is logged here, once per
 * change. */

#include "hagw-proxyd/house/house.h"
#include "hagw-proxyd/main/agentview.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"

struct RelayRequest {
        RelayRequest *next;
        sd_varlink *link;
        RelayRequestHandler handler;
};

void agent_view_init(AgentView *v, sd_event *event) {
        *v = (AgentView) { .event = event };
}

static void nudge(AgentView *v) {
        for (unsigned i = 0; v->worker && i < v->worker->n_crew; i++) {
                Message *m = message_new(&network_message);

                if (m)
                        worker_send(v->worker->crew[i], m);
        }
}

void agent_view_on_network(AgentView *v) {
        nudge(v);
}

void agent_view_apply(AgentView *v, Worker *worker, const RelayTarget *target) {
        v->worker = worker;
        v->configured = target;
        if (!target) {
                message_free(v->last ? &v->last->message : NULL);
                v->last = NULL;
                free(v->logged);
                v->logged = NULL;
                return;
        }
        nudge(v);
}

/* News of the same attachment. */
static bool is_same(const AgentView *v, const AgentStateMessage *m) {
        return m->state == AGENT_ATTACHED && v->last && v->last->state == AGENT_ATTACHED &&
               v->last->target == m->target && v->last->attached.since_usec == m->attached.since_usec;
}

static void log_state(AgentView *v, const AgentStateMessage *m) {
        if (is_same(v, m)) {
                if (*m->error && !streq_ptr(v->logged, m->error)) {
                        log_warning("Attached to the relay %s with the token of before, for with the new "
                                    "one it fails: %s",
                                    m->target->address, m->error);
                        free(v->logged);
                        v->logged = strdup(m->error);
                }
                if (!*m->error && v->logged) {
                        log_info("Attached to the relay %s with the token that there is.",
                                 m->target->address);
                        free(v->logged);
                        v->logged = NULL;
                }
                return;
        }
        if (m->state == AGENT_ATTACHED) {
                log_info("Attached to the relay %s (%s) as %s.", m->target->address, m->attached.address,
                         m->attached.zone);
                free(v->logged);
                v->logged = NULL;
                return;
        }
        if (m->state != AGENT_WAITING || !*m->error || streq_ptr(v->logged, m->error))
                return;
        log_full(m->refused ? LOG_WARNING : LOG_NOTICE, 0, "Not attached to the relay %s: %s",
                 m->target->address, m->error);
        free(v->logged);
        v->logged = strdup(m->error);
}

void agent_view_on_state(AgentView *v, AgentStateMessage *m) {
        /* Why the last attempt failed stays until one succeeds. Who is attached says what is wrong each
         * time. */
        if (!*m->error && v->last && m->state != AGENT_ATTACHED)
                memcpy(m->error, v->last->error, sizeof(m->error));
        else
                log_state(v, m);
        message_free(v->last ? &v->last->message : NULL);
        v->last = m;
}

void agent_view_on_call(AgentView *v, AgentCallMessage *m) {
        RelayRequest *q = m->asker;

        for (RelayRequest **p = &v->requests; *p; p = &(*p)->next)
                if (*p == q) {
                        *p = q->next;
                        break;
                }
        v->n_requests--;
        q->handler(q->link, m);
        sd_varlink_unref(q->link);
        free(q);
        message_free(&m->message);
}

int agent_view_call(AgentView *v, RelayTarget *target, const char *method, bool prove,
                    sd_json_variant *parameters, sd_varlink *link, RelayRequestHandler handler) {
        RelayRequest *q;
        AgentCallMessage *m;

        if (v->n_requests >= RELAY_CALLS_MAX)
                return -EBUSY;
        q = calloc(1, sizeof(*q));
        m = message_new(&agent_call_message);
        if (!q || !m || sd_json_variant_format(parameters, /* flags= */ 0, &m->parameters) < 0) {
                free(q);
                message_free(m ? &m->message : NULL);
                return -ENOMEM;
        }
        m->asker = q;
        m->target = relay_target_ref(target);
        m->method = method;
        m->prove = prove;
        *q = (RelayRequest) { v->requests, sd_varlink_ref(link), handler };
        v->requests = q;
        v->n_requests++;
        worker_send(v->worker, &m->message);
        return 0;
}

void agent_view_done(AgentView *v) {
        message_free(v->last ? &v->last->message : NULL);
        free(v->logged);
        while (v->requests) {
                RelayRequest *q = v->requests;

                v->requests = q->next;
                sd_varlink_unref(q->link);
                free(q);
        }
}
