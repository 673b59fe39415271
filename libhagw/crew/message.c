/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages between threads: allocated by the sender, freed by whoever has them last. */

#include "libhagw/crew/message.h"

void *message_new(const MessageKind *kind) {
        Message *m = calloc(1, kind->size);

        if (!m)
                return NULL;
        m->kind = kind;
        if (kind->init)
                kind->init(m);
        return m;
}

void message_free(Message *m) {
        if (!m)
                return;
        if (m->kind->free)
                m->kind->free(m);
        free(m);
}

static void deliver_resolved(Message *m, Worker *w) {
        ResolveMessage *r = (ResolveMessage *) m;

        if (r->asker)
                r->on_answer(r);
        message_free(m);
}

const MessageKind resolve_message = { .size = sizeof(ResolveMessage), .deliver = deliver_resolved };

static void deliver_answer(Message *m, Worker *w) {
        CallMessage *c = (CallMessage *) m;

        if (c->asker)
                c->on_answer(c);
        message_free(m);
}

static void free_call(Message *m) {
        CallMessage *c = (CallMessage *) m;

        free(c->parameters);
        free(c->error);
        free(c->reply);
}

const MessageKind call_message = {
        .size = sizeof(CallMessage), .deliver = deliver_answer, .free = free_call,
};
