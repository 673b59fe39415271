/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A list that is put together from all workers. Rows cross the threads as JSON text. */

#include <stdio.h>

#include "hagw-proxyd/main/attachments.h"
#include "hagw-proxyd/main/manager.h"

#define ROWS_MAX 500U /* in one message */

struct AttachmentsCall {
        sd_varlink *link;
        sd_json_variant *rows, *refused, *swaps, *gaps;
        uint64_t refused_more;
        unsigned n_open; /* workers that have not answered */
        int error;
};

static int send_rows(AttachmentsCall *call) {
        size_t n = sd_json_variant_elements(call->rows);

        for (size_t i = 0; i + ROWS_MAX < n; i += ROWS_MAX) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *some = NULL;
                int r = 0;

                for (size_t k = i; r >= 0 && k < i + ROWS_MAX; k++)
                        r = sd_json_variant_append_array(&some, sd_json_variant_by_index(call->rows, k));
                if (r >= 0)
                        r = sd_varlink_notifybo(call->link, SD_JSON_BUILD_PAIR_VARIANT("attachments", some));
                if (r < 0)
                        return r;
        }
        return 0;
}

static uint64_t last_usec(sd_json_variant *row) {
        return sd_json_variant_unsigned(sd_json_variant_by_key(row, "lastUSec"));
}

static int compare_newest_first(const void *x, const void *y) {
        sd_json_variant *const *a = x, *const *b = y;

        return last_usec(*b) > last_usec(*a) ? 1 : last_usec(*b) < last_usec(*a) ? -1 : 0;
}

/* Each worker has told its newest ones; of all of them, the newest. */
static int cut_refused(AttachmentsCall *call) {
        const size_t n = sd_json_variant_elements(call->refused);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *cut = NULL;
        _cleanup_free_ sd_json_variant **sorted = calloc(n + 1, sizeof(*sorted));
        int r = 0;

        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                sorted[i] = sd_json_variant_by_index(call->refused, i); /* borrowed */
        qsort(sorted, n, sizeof(*sorted), compare_newest_first);
        for (size_t i = 0; r >= 0 && i < n && i < ATTACHED_REFUSED_MAX; i++)
                r = sd_json_variant_append_array(&cut, sorted[i]);
        if (r < 0)
                return r;
        call->refused_more += n > ATTACHED_REFUSED_MAX ? n - ATTACHED_REFUSED_MAX : 0;
        sd_json_variant_unref(call->refused);
        call->refused = TAKE_PTR(cut);
        return 0;
}

/* What is left is the last message. */
static void finish(AttachmentsCall *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *last = NULL;
        size_t n = sd_json_variant_elements(call->rows), begin = n > 0 ? (n - 1) / ROWS_MAX * ROWS_MAX : 0;
        int r = call->error;

        if (r >= 0)
                r = cut_refused(call);
        if (r >= 0)
                r = send_rows(call);
        if (r >= 0)
                r = sd_json_variant_new_array(&last, NULL, 0);
        for (size_t i = begin; r >= 0 && i < n; i++)
                r = sd_json_variant_append_array(&last, sd_json_variant_by_index(call->rows, i));
        if (r < 0)
                (void) sd_varlink_error_errno(call->link, r);
        else
                (void) sd_varlink_replybo(
                        call->link, SD_JSON_BUILD_PAIR_VARIANT("attachments", last),
                        SD_JSON_BUILD_PAIR_CONDITION(!!call->refused, "refused",
                                                     SD_JSON_BUILD_VARIANT(call->refused)),
                        SD_JSON_BUILD_PAIR_CONDITION(call->refused_more > 0, "refusedMore",
                                                     SD_JSON_BUILD_UNSIGNED(call->refused_more)),
                        SD_JSON_BUILD_PAIR_CONDITION(!!call->swaps, "swaps",
                                                     SD_JSON_BUILD_VARIANT(call->swaps)),
                        SD_JSON_BUILD_PAIR_CONDITION(!!call->gaps, "gaps",
                                                     SD_JSON_BUILD_VARIANT(call->gaps)));
        sd_varlink_unref(call->link);
        sd_json_variant_unref(call->rows);
        sd_json_variant_unref(call->refused);
        sd_json_variant_unref(call->swaps);
        sd_json_variant_unref(call->gaps);
        free(call);
}

static void take_rows(AttachmentsCall *call, sd_json_variant *rows, sd_json_variant **to) {
        for (size_t i = 0; call->error >= 0 && i < sd_json_variant_elements(rows); i++)
                call->error = sd_json_variant_append_array(to, sd_json_variant_by_index(rows, i));
}

void attachments_on_message(AttachmentsMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        AttachmentsCall *call = m->call;

        if (!m->rows || sd_json_parse(m->rows, /* flags= */ 0, &v, NULL, NULL) < 0)
                call->error = -ENOMEM;
        take_rows(call, sd_json_variant_by_key(v, "attachments"), &call->rows);
        take_rows(call, sd_json_variant_by_key(v, "refused"), &call->refused);
        take_rows(call, sd_json_variant_by_key(v, "swaps"), &call->swaps);
        take_rows(call, sd_json_variant_by_key(v, "gaps"), &call->gaps);
        if (v)
                call->refused_more += sd_json_variant_unsigned(sd_json_variant_by_key(v, "refusedMore"));
        if (--call->n_open == 0)
                finish(call);
}

typedef struct AttachmentsQuestion {
        const char *tenant;
        bool refused_only;
} AttachmentsQuestion;

/* The call belongs to the messages that are under way; the last one that is answered frees it. */
ANALYZER_WRONG("-Wanalyzer-malloc-leak")
static int vl_method_list_attachments(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const AttachmentsQuestion *q = parameters;
        const Manager *m = userdata;
        AttachmentsCall *call;

        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        call->link = sd_varlink_ref(link);
        call->n_open = m->n_workers;
        for (unsigned i = 0; i < m->n_workers; i++) {
                AttachmentsMessage *a = message_new(&attachments_message);

                if (!a) {
                        call->error = -ENOMEM;
                        call->n_open--;
                        continue;
                }
                a->call = call;
                (void) snprintf(a->tenant, sizeof(a->tenant), "%s", strempty(q->tenant));
                a->refused_only = q->refused_only;
                worker_send(m->workers[i], &a->message);
        }
        if (call->n_open == 0)
                finish(call);
        return 0;
}
ANALYZER_RIGHT

const VlMethod attachments_methods[] = {
        { "io.hagw.Proxy.ListAttachments", VL_PEER_TENANTD | VL_PEER_WEBD, vl_method_list_attachments,
          VL_PARAMETERS(AttachmentsQuestion,
                        FIELD_STRING("tenant", AttachmentsQuestion, tenant, SD_JSON_NULLABLE),
                        FIELD_BOOL("refusedOnly", AttachmentsQuestion, refused_only, SD_JSON_NULLABLE)) },
        {},
};
