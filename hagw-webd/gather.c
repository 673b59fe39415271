/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Questions to all daemons at once. A slot owns the calls under way and the list of requests that wait; each
 * of them then holds a reference to the replies. Main thread only. */

#include "hagw-webd/gather.h"
#include "libhagw/log.h"

static Gather *gather_unref(Gather *g) {
        if (!g || --g->n_ref > 0)
                return NULL;
        for (size_t i = 0; i < g->n; i++)
                sd_json_variant_unref(g->replies[i]);
        free(g);
        return NULL;
}

static void *gather_unref_data(void *data) {
        return gather_unref(data);
}

static void slot_finish(GatherSlot *slot) {
        Gather *g = TAKE_PTR(slot->gather);

        while (slot->waiting) {
                Request *q = slot->waiting;
                slot->waiting = TAKE_PTR(q->next);
                g->n_ref++;
                q->data = g;
                q->data_free = gather_unref_data;
                request_resume(q);
        }
        gather_unref(g);
}

static void on_reply(sd_json_variant *reply, const char *error, void *userdata) {
        const struct GatherMark *a = userdata;
        Gather *g = a->gather;
        size_t i = a->i;

        g->slot->requests[i] = NULL;
        if (error)
                log_debug("%s of %s: %s", g->calls[i].method, g->calls[i].daemon, error);
        else
                g->replies[i] = sd_json_variant_ref(reply);
        if (--g->pending == 0)
                slot_finish(g->slot);
}

static int slot_start(GatherSlot *slot, const GatherCall *calls, size_t n, sd_event *event) {
        Gather *g;
        int r;

        assert(n <= GATHER_CALLS_MAX);
        g = calloc(1, sizeof(*g));
        if (!g)
                return -ENOMEM;
        *g = (Gather) { .n_ref = 1, .calls = calls, .n = n, .slot = slot };
        for (size_t i = 0; i < n; i++) {
                g->marks[i] = (struct GatherMark) { g, i };
                r = vl_request(event, calls[i].interface, calls[i].method, /* parameters= */ NULL,
                               GATHER_TIMEOUT_USEC, on_reply, &g->marks[i], &slot->requests[i]);
                if (r >= 0)
                        g->pending++;
                else
                        (void) log_warning_errno(r, "Could not ask %s: %m", calls[i].daemon);
        }
        if (g->pending == 0) {
                gather_unref(g);
                return -ENOMEM;
        }
        slot->gather = g;
        return 0;
}

int gather_join(GatherSlot *slot, const GatherCall *calls, size_t n, Request *q,
                int (*resumed)(Request *q)) {
        int r;

        if (!slot->gather) {
                r = slot_start(slot, calls, n, q->manager->event);
                if (r < 0)
                        return r;
        }
        q->next = slot->waiting;
        slot->waiting = q;
        request_wait(q, resumed);
        return 0;
}

GatherSlot *gather_slot_free(GatherSlot *slot) {
        if (!slot)
                return NULL;
        if (slot->gather) {
                for (size_t i = 0; i < slot->gather->n; i++)
                        slot->requests[i] = vl_request_free(slot->requests[i]);
                slot_finish(slot);
        }
        free(slot);
        return NULL;
}
