/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of questions. Main thread only. */

#include "libhagw/crew/pipeline.h"

void pipeline_init(Pipeline *p) {
        *p = (Pipeline) {};
        p->last = p->unsent = &p->first;
}

void pipeline_push(Pipeline *p, Message *m) {
        m->next = NULL;
        *p->last = m;
        p->last = &m->next;
        p->n++;
}

Message *pipeline_next(const Pipeline *p) {
        return p->n_sent < PIPELINE_SENT_MAX ? *p->unsent : NULL;
}

void pipeline_sent(Pipeline *p) {
        assert(*p->unsent);
        p->unsent = &(*p->unsent)->next;
        p->n_sent++;
}

Message *pipeline_pop(Pipeline *p) {
        Message *m = p->first;

        if (!m)
                return NULL;
        if (p->unsent == &m->next)
                p->unsent = &p->first;
        if (p->last == &m->next)
                p->last = &p->first;
        p->first = m->next;
        p->n--;
        if (p->n_sent > 0)
                p->n_sent--;
        return m;
}
