/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sessions' use and their end, as a worker sees them. Runs in its thread. */

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/http/sessions.h"

/* A message that is not to be had is not missed: what goes on is told the next time. */
static void on_tell(Timer *t) {
        Worker *w = CONTAINER_OF(t, Worker, tell_used);
        UsedMessage *m = message_new(MESSAGE_USED);

        if (m)
                m->ids = calloc(SESSION_USES_MAX, sizeof(*m->ids));
        if (m && m->ids)
                m->n = session_uses_take(&w->uses, m->ids);
        if (m && m->n > 0)
                queue_push(w->main_queue, &m->message);
        else
                message_free(m ? &m->message : NULL);
}

void sessions_init(Worker *w) {
        w->tell_used.fire = on_tell;
}

void sessions_used(Worker *w, SessionUse *u) {
        if (u->used || u->ended)
                return;
        u->used = true;
        if (!w->tell_used.link)
                loop_arm(&w->loop, &w->tell_used, w->loop.now_usec + SESSIONS_TELL_USEC);
}

void sessions_forget(Worker *w, const ForgetMessage *m) {
        if (m->all)
                session_cache_clear(&w->sessions);
        else
                session_cache_forget(&w->sessions, m->ids, m->n);
        if (m->cut && session_uses_revoke(&w->uses, m->ids, m->n, /* others= */ m->all))
                review_start(w);
}
