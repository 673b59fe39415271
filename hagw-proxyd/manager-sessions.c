/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-webd says of sessions that ended, told to the workers. Main thread only. */

#include "log.h"
#include "manager.h"

static void forget_sessions(Manager *m, const char *id, bool cut) {
        for (unsigned i = 0; i < m->n_workers; i++) {
                ForgetMessage *f = message_new(MESSAGE_FORGET);

                if (!f) {
                        (void) log_oom();
                        continue;
                }
                f->all = !id || strlen(id) >= sizeof(f->session_id);
                f->cut = cut && !f->all;
                if (!f->all)
                        strcpy(f->session_id, id);
                worker_send(m->workers[i], &f->message);
        }
}

static int compare_ids(const void *a, const void *b) {
        return strcmp(a, b);
}

/* NULL: no memory. */
static SessionId *read_ids(sd_json_variant *list, size_t *ret_n) {
        size_t n = sd_json_variant_elements(list);
        SessionId *ids = calloc(n + 1, sizeof(*ids));

        *ret_n = 0;
        for (size_t i = 0; ids && i < n; i++) {
                sd_json_variant *id = sd_json_variant_by_index(list, i);

                if (sd_json_variant_is_string(id) && strlen(sd_json_variant_string(id)) < sizeof(*ids))
                        strcpy(ids[(*ret_n)++], sd_json_variant_string(id));
        }
        if (ids)
                qsort(ids, *ret_n, sizeof(*ids), compare_ids);
        return ids;
}

/* webd is there, maybe again: whatever it said before is forgotten, and what was opened by a session that is
 * not in its list any more ends. */
static void keep_living(Manager *m, sd_json_variant *list) {
        for (unsigned i = 0; i < m->n_workers; i++) {
                ForgetMessage *f = message_new(MESSAGE_FORGET);

                if (!f) {
                        (void) log_oom();
                        continue;
                }
                f->all = true;
                f->living = read_ids(list, &f->n_living);
                f->cut = !!f->living;
                worker_send(m->workers[i], &f->message);
        }
}

void manager_on_revocations(sd_json_variant *message, void *userdata) {
        Manager *m = userdata;
        sd_json_variant *list = message ? sd_json_variant_by_key(message, "sessionIds") : NULL;
        sd_json_variant *cut = message ? sd_json_variant_by_key(message, "cut") : NULL;
        sd_json_variant *living = message ? sd_json_variant_by_key(message, "livingIds") : NULL;

        weblink_ask_again(&m->web);
        if (living && sd_json_variant_is_array(living)) {
                keep_living(m, living);
                return;
        }
        /* Lost: what is revoked from now on is not known. */
        if (!list || sd_json_variant_elements(list) == 0) {
                forget_sessions(m, NULL, /* cut= */ false);
                return;
        }
        for (size_t i = 0; i < sd_json_variant_elements(list); i++) {
                sd_json_variant *id = sd_json_variant_by_index(list, i);

                forget_sessions(m, sd_json_variant_is_string(id) ? sd_json_variant_string(id) : NULL,
                                cut && sd_json_variant_is_boolean(cut) && sd_json_variant_boolean(cut));
        }
}
