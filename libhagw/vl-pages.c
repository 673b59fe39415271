/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers in pages. sd-varlink does not tell when a message has left, but asks for EPOLLOUT until then: so a
 * post source, which runs after whatever else the loop did, looks. */

#include <sys/epoll.h>

#include "libhagw/vl-pages.h"

typedef struct Answer {
        sd_varlink *link;
        const VlPagesType *type;
        void *cursor;
} Answer;

struct VlPages {
        sd_event_source *post;
        Answer *answers;
        size_t n, allocated;
};

static void answer_done(Answer *a) {
        a->type->free(a->cursor);
        sd_varlink_unref(a->link);
        *a = (Answer) {};
}

/* Writes the next page where there is room. Returns whether the answer goes on. */
static bool answer_turn(Answer *a) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_varlink_get_events(a->link);
        if (r < 0) /* disconnected */
                return false;
        if (r & EPOLLOUT)
                return true;
        r = a->type->page(a->cursor, &v);
        if (r == VL_PAGE_LAST)
                r = sd_varlink_reply(a->link, v);
        else if (r >= 0) {
                if (r == VL_PAGE_CONTINUE)
                        r = sd_varlink_notify(a->link, v);
                if (r >= 0)
                        return true;
        }
        if (r < 0)
                (void) sd_varlink_error_errno(a->link, r);
        return false;
}

static int on_post(sd_event_source *source, void *userdata) {
        VlPages *p = userdata;

        for (size_t i = 0; i < p->n;)
                if (answer_turn(&p->answers[i]))
                        i++;
                else {
                        answer_done(&p->answers[i]);
                        p->answers[i] = p->answers[--p->n];
                }
        if (p->n == 0)
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

int vl_pages_new(VlPages **ret, sd_event *event) {
        _cleanup_(vl_pages_freep) VlPages *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        r = sd_event_add_post(event, &p->post, on_post, p);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(p->post, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

VlPages *vl_pages_free(VlPages *p) {
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n; i++)
                answer_done(&p->answers[i]);
        free(p->answers);
        sd_event_source_disable_unref(p->post);
        free(p);
        return NULL;
}

int vl_pages_add(VlPages *p, sd_varlink *link, const VlPagesType *type, void *cursor) {
        int r;

        if (!GREEDY_REALLOC(p->answers, p->allocated, p->n + 1))
                r = -ENOMEM;
        else
                r = sd_event_source_set_enabled(p->post, SD_EVENT_ON);
        if (r < 0) {
                type->free(cursor);
                return sd_varlink_error_errno(link, r);
        }
        p->answers[p->n++] = (Answer) { .link = sd_varlink_ref(link), .type = type, .cursor = cursor };
        return 0;
}

void vl_pages_end(VlPages *p, int error) {
        while (p->n > 0) {
                Answer *a = &p->answers[--p->n];
                (void) sd_varlink_error_errno(a->link, error);
                answer_done(a);
        }
}

size_t vl_pages_count(const VlPages *p, const VlPagesType *type) {
        size_t n = 0;

        for (size_t i = 0; i < p->n; i++)
                n += p->answers[i].type == type;
        return n;
}
