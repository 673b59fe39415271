/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the workers say and ask, on its way to who answers. Main thread only. */

#include <assert.h>

#include "hagw-proxyd/door/hello.h"
#include "hagw-proxyd/house/house.h"
#include "hagw-proxyd/http/session.h"
#include "hagw-proxyd/http/sessions.h"
#include "hagw-proxyd/main/attachments.h"
#include "hagw-proxyd/main/manager.h"
#include "hagw-proxyd/main/standings.h"
#include "hagw-proxyd/upstream/upstream.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/log.h"

static void take_session(Manager *m, Message *q) {
        weblink_ask(&m->web, (SessionMessage *) q);
}

static void refuse_session(Manager *m, Message *q) {
        SessionMessage *s = (SessionMessage *) q;

        s->error = -ECANCELED;
        worker_send(s->worker, q);
}

static void take_resolve(Manager *m, Message *q) {
        namelink_ask(&m->names, (ResolveMessage *) q);
}

static void refuse_resolve(Manager *m, Message *q) {
        ResolveMessage *r = (ResolveMessage *) q;

        r->error = -ECANCELED;
        worker_send(r->worker, q);
}

static void take_call(Manager *m, Message *q) {
        call_link_ask(&m->calls[((CallMessage *) q)->peer], (CallMessage *) q);
}

static void refuse_call(Manager *m, Message *q) {
        CallLink *l = &m->calls[((CallMessage *) q)->peer];

        call_link_ask(l, (CallMessage *) q);
        call_link_done(l);
}

static void take_relay_state(Manager *m, Message *q) {
        agent_view_on_state(&m->agent, (AgentStateMessage *) q);
}

static void take_relay_call(Manager *m, Message *q) {
        agent_view_on_call(&m->agent, (AgentCallMessage *) q);
}

static void take_attachments(Manager *m, Message *q) {
        attachments_on_message((AttachmentsMessage *) q);
        message_free(q);
}

static void take_standing(Manager *m, Message *q) {
        standings_on_message((StandingMessage *) q);
        message_free(q);
}

static void take_failure(Manager *m, Message *q) {
        FailureMessage *f = (FailureMessage *) q;
        char *text = strdup(f->text), others[SELDOM_TEXT_MAX];

        if (text) {
                /* Which of several it is can be a visitor's choice. */
                if ((!f->stats->error || !streq(f->stats->error, text) ||
                     f->usec > f->stats->error_usec + USEC_PER_MINUTE) &&
                    seldom_take(&f->stats->failures, f->usec, others))
                        log_warning("%s: the upstream fails: %s%s", f->stats->name, text, others);
                free(f->stats->error);
                f->stats->error = text;
                f->stats->error_usec = f->usec;
        }
        rounds_on_failure(&m->rounds, f->stats);
        message_free(q);
}

static void take_probe(Manager *m, Message *q) {
        probe_on_message(&m->probes, (ProbeMessage *) q);
        message_free(q);
}

static void take_hidden(Manager *m, Message *q) {
        const HiddenMessage *h = (HiddenMessage *) q;

        if (h->balancer)
                hidden_note(&m->balancers[h->header], &h->address);
        else
                hidden_tell(&m->hidden, &h->address);
        message_free(q);
}

static void take_used(Manager *m, Message *q) {
        manager_on_used(m, (UsedMessage *) q);
        message_free(q);
}

static void drop(Manager *m, Message *q) {
        message_free(q);
}

/* The last of them: all workers go by the newest snapshot. */
static void take_settled(Manager *m, Message *q) {
        message_free(q);
        if (--m->n_settling > 0)
                return;
        snapshot_unref(m->in_force);
        m->in_force = snapshot_ref(m->snapshot);
        if (m->reloading)
                daemon_reloaded(m->daemon);
        m->reloading = false;
}

static void take_drained(Manager *m, Message *q) {
        if (++m->n_drained == m->n_workers)
                daemon_finish(m->daemon);
        message_free(q);
}

static void take_crowd_left(Manager *m, Message *q) {
        giveback_soon(&m->give_back, m->event);
        message_free(q);
}

static void take_stopped(Manager *m, Message *q) {
        m->n_stopped++;
        message_free(q);
}

/* What workers say and ask. Each takes the message over. */
static const struct {
        const MessageKind *kind;
        void (*take)(Manager *m, Message *q);
        void (*refuse)(Manager *m, Message *q); /* where nobody is asked any more; NULL: that is no matter */
} rows[] = {
        { &session_message, take_session, refuse_session },
        { &resolve_message, take_resolve, refuse_resolve },
        { &call_message, take_call, refuse_call },
        { &agent_state_message, take_relay_state, NULL },
        { &agent_call_message, take_relay_call, NULL },
        { &attachments_message, take_attachments, NULL },
        { &standing_message, take_standing, NULL },
        { &failure_message, take_failure, NULL },
        { &probe_message, take_probe, NULL },
        { &hidden_message, take_hidden, NULL },
        { &used_message, take_used, drop },
        { &settled_message, take_settled, drop },
        { &drained_message, take_drained, drop },
        { &crowd_left_message, take_crowd_left, drop },
        { &stopped_message, take_stopped, NULL },
};

/* stopping: nobody is asked any more. */
static void on_message(Manager *m, Message *q, bool stopping) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].kind == q->kind) {
                        (stopping && rows[i].refuse ? rows[i].refuse : rows[i].take)(m, q);
                        return;
                }
        assert(false);
}

void manager_serve_queue(Manager *m, bool stopping) {
        for (Message *q = queue_take(&m->queue), *next; q; q = next) {
                next = q->next;
                on_message(m, q, stopping);
        }
}
