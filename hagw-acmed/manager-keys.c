/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates whose key hagw-keyd does not have any more. Main thread only. */

#include "hagw-acmed/manager.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

void manager_ask_keys(void *userdata) {
        Manager *m = userdata;

        for (size_t i = 0; i < m->store.n_certificates; i++)
                certificate_ask_key(m->store.certificates[i]);
}

static bool is_listed(sd_json_variant *keys, const char *key_id) {
        for (size_t i = 0; i < sd_json_variant_elements(keys); i++) {
                sd_json_variant *key = sd_json_variant_by_index(keys, i);

                if (sd_json_variant_is_object(key) && streq(strempty(json_string(key, "id")), key_id))
                        return true;
        }
        return false;
}

static void log_key(const Certificate *c) {
        if (c->key_state != KEY_STATE_GONE)
                log_info("hagw-keyd has the key of the certificate for %s again; it is served again.",
                         c->name);
        else
                log_warning("hagw-keyd has no key for the certificate for %s any more, so that nobody is "
                            "served with it. %s",
                            c->name,
                            c->imported                   ? "It was imported: import it again, with its key."
                            : certificate_is_orderable(c) ? "Another one is ordered."
                                                          : "The configuration no longer asks for it.");
}

/* What is due stays due until an order has succeeded; how soon it is tried is the schedule's business. */
static void manager_want_key(Manager *m, Certificate *c, uint64_t now_usec) {
        if (c->key_state != KEY_STATE_GONE || !certificate_is_orderable(c) || c->due_usec <= now_usec)
                return;
        c->due_usec = now_usec;
        (void) store_save(&m->store, c);
}

void manager_take_keys(Manager *m, sd_json_variant *keys) {
        const uint64_t now_usec = clock_usec(CLOCK_REALTIME);

        for (size_t i = 0; i < m->store.n_certificates; i++) {
                Certificate *c = m->store.certificates[i];

                if (!c->chain)
                        continue;
                if (certificate_judge_key(c, is_listed(keys, c->key_id)))
                        log_key(c);
                manager_want_key(m, c, now_usec);
        }
        retire_take_list(m->retire, keys, now_usec);
}
