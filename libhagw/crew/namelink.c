/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Net.Resolve. Main thread only. */

#include <stdio.h>

#include "libhagw/crew/namelink.h"
#include "libhagw/crew/worker.h"

struct NameQuestion {
        NameQuestion *next;
        NameLink *owner;
        ResolveMessage *message;
        VlRequest *request;
};

void namelink_init(NameLink *n, sd_event *event) {
        *n = (NameLink) { .event = event };
        n->last = &n->first;
}

static void answer(ResolveMessage *m, int error, const char *reason) {
        m->error = error;
        if (error < 0)
                (void) snprintf(m->reason, sizeof(m->reason), "%s", reason);
        worker_send(m->worker, &m->message);
}

static int read_answer(ResolveMessage *m, sd_json_variant *reply) {
        sd_json_variant *list = sd_json_variant_by_key(reply, "addresses");
        sd_json_variant *ttl = sd_json_variant_by_key(reply, "ttlUSec");

        if (!list || !sd_json_variant_is_array(list) || !ttl || !sd_json_variant_is_unsigned(ttl))
                return -EBADMSG;
        m->ttl_usec = MIN(MAX(sd_json_variant_unsigned(ttl), NAMELINK_TTL_MIN_USEC), NAMELINK_TTL_MAX_USEC);
        for (size_t i = 0; i < sd_json_variant_elements(list) && m->n_addresses < MESSAGE_ADDRESSES_MAX;
             i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);

                if (sd_json_variant_is_string(v) &&
                    ip_parse(sd_json_variant_string(v), &m->addresses[m->n_addresses]) >= 0)
                        m->n_addresses++;
        }
        return m->n_addresses > 0 ? 0 : -ENOENT;
}

static void start_more(NameLink *n);

static void on_reply(sd_json_variant *reply, const char *error, void *userdata) {
        NameQuestion *q = userdata;
        NameLink *n = q->owner;
        char reason[MESSAGE_TEXT_MAX];

        if (!error && read_answer(q->message, reply) >= 0)
                answer(q->message, 0, "");
        else {
                (void) snprintf(reason, sizeof(reason), "%s: %.*s",
                                error && streq(error, VL_ERROR_UNREACHABLE) ?
                                        "the resolver (hagw-netd) does not answer" :
                                error && streq(error, "io.hagw.Net.ResolverFailed") ?
                                        "its name could not be looked up" :
                                        "its name has no address",
                                200, q->message->name);
                answer(q->message, -ENOENT, reason);
        }
        for (NameQuestion **p = &n->active; *p; p = &(*p)->next)
                if (*p == q) {
                        *p = q->next;
                        break;
                }
        n->n_active--;
        free(q);
        start_more(n);
}

static int start(NameLink *n, ResolveMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        NameQuestion *q;
        int r;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->owner = n;
        q->message = m;
        r = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(m->name)));
        if (r >= 0)
                r = vl_request(n->event, "io.hagw.Net", "io.hagw.Net.Resolve", parameters,
                               NAMELINK_TIMEOUT_USEC, on_reply, q, &q->request);
        if (r < 0) {
                free(q);
                return r;
        }
        q->next = n->active;
        n->active = q;
        n->n_active++;
        return 0;
}

static void start_more(NameLink *n) {
        while (n->first && n->n_active < NAMELINK_ACTIVE_MAX) {
                ResolveMessage *m = (ResolveMessage *) n->first;

                n->first = m->message.next;
                if (!n->first)
                        n->last = &n->first;
                if (start(n, m) < 0)
                        answer(m, -ENOMEM, "out of memory");
        }
}

void namelink_ask(NameLink *n, ResolveMessage *m) {
        m->message.next = NULL;
        *n->last = &m->message;
        n->last = &m->message.next;
        start_more(n);
}

void namelink_done(NameLink *n) {
        while (n->active) {
                NameQuestion *q = n->active;

                n->active = q->next;
                vl_request_free(q->request);
                answer(q->message, -ECANCELED, "stopping");
                free(q);
        }
        n->n_active = 0;
        while (n->first) {
                ResolveMessage *m = (ResolveMessage *) n->first;

                n->first = m->message.next;
                answer(m, -ECANCELED, "stopping");
        }
        n->last = &n->first;
}
