/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sessions' use and their end, as a worker sees them. Runs in its thread. */

#include "hagw-proxyd/http/exchange.h"
#include "hagw-proxyd/http/sessions.h"
#include "hagw-proxyd/visit/review.h"

/* A message that is not to be had is not missed: what goes on is told the next time. */
static void on_tell(Timer *t) {
        Worker *w = CONTAINER_OF(t, Exchanges, tell_used)->worker;
        UsedMessage *m = message_new(&used_message);

        if (m)
                m->ids = calloc(SESSION_USES_MAX, sizeof(*m->ids));
        if (m && m->ids)
                m->n = session_uses_take(&w->exchanges->uses, m->ids);
        if (m && m->n > 0)
                queue_push(w->main_queue, &m->message);
        else
                message_free(m ? &m->message : NULL);
}

void sessions_init(Worker *w) {
        w->exchanges->tell_used.fire = on_tell;
}

void sessions_used(Worker *w, SessionUse *u) {
        if (u->used || u->ended)
                return;
        u->used = true;
        if (!w->exchanges->tell_used.place)
                loop_arm(&w->loop, &w->exchanges->tell_used, w->loop.now_usec + SESSIONS_TELL_USEC);
}

/* Some have ended, or their rights have changed: cached answers go, and where it says so what they have open
 * is cut. */
static void deliver_forget(Message *message, Worker *w) {
        ForgetMessage *m = (ForgetMessage *) message;

        if (m->all)
                session_cache_clear(&w->exchanges->sessions);
        else
                session_cache_forget(&w->exchanges->sessions, m->ids, m->n);
        if (m->cut && session_uses_revoke(&w->exchanges->uses, m->ids, m->n, /* others= */ m->all))
                review_start(w);
        message_free(message);
}

static void free_forget(Message *m) {
        free(((ForgetMessage *) m)->ids);
}

const MessageKind forget_message = {
        .size = sizeof(ForgetMessage), .deliver = deliver_forget, .free = free_forget,
};

static void free_used(Message *m) {
        free(((UsedMessage *) m)->ids);
}

const MessageKind used_message = { .size = sizeof(UsedMessage), .free = free_used };
