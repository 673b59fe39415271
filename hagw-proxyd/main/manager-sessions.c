/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-webd says of sessions that ended, told to the workers. Main thread only. */

#include "hagw-proxyd/http/sessions.h"
#include "hagw-proxyd/http/sessionuse.h"
#include "hagw-proxyd/main/manager.h"
#include "libhagw/log.h"

/* Sorted. NULL: no memory. */
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
                qsort(ids, *ret_n, sizeof(*ids), session_id_compare);
        return ids;
}

/* list: the ids, or NULL. */
static void tell_workers(Manager *m, sd_json_variant *list, bool all, bool cut) {
        for (unsigned i = 0; i < m->n_workers; i++) {
                ForgetMessage *f = message_new(&forget_message);

                if (f && list)
                        f->ids = read_ids(list, &f->n);
                if (!f || (list && !f->ids)) {
                        message_free(f ? &f->message : NULL);
                        (void) log_oom();
                        continue;
                }
                f->all = all;
                f->cut = cut;
                worker_send(m->workers[i], &f->message);
        }
}

static bool is_list(sd_json_variant *v) {
        return v && sd_json_variant_is_array(v);
}

void manager_on_revocations(sd_json_variant *message, void *userdata) {
        Manager *m = userdata;
        sd_json_variant *list = message ? sd_json_variant_by_key(message, "sessionIds") : NULL;
        sd_json_variant *cut = message ? sd_json_variant_by_key(message, "cut") : NULL;
        sd_json_variant *living = message ? sd_json_variant_by_key(message, "livingIds") : NULL;

        weblink_ask_again(&m->web);
        if (is_list(living))
                /* webd is there, maybe again: whatever it said before is forgotten, and what was opened by a
                 * session that is not in its list any more ends. */
                tell_workers(m, living, /* all= */ true, /* cut= */ true);
        else if (is_list(list) && sd_json_variant_elements(list) > 0)
                tell_workers(m, list, /* all= */ false,
                             cut && sd_json_variant_is_boolean(cut) && sd_json_variant_boolean(cut));
        else
                /* Lost: what is revoked from now on is not known. */
                tell_workers(m, NULL, /* all= */ true, /* cut= */ false);
}

void manager_on_used(Manager *m, const UsedMessage *u) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;

        for (size_t i = 0; i < u->n; i++)
                if (sd_json_variant_append_arrayb(&list, SD_JSON_BUILD_STRING(u->ids[i])) < 0)
                        return;
        weblink_tell_used(&m->web, list);
}
