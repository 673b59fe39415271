/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys that go. Main thread only. */

#include "hagw-acmed/manager.h"
#include "hagw-acmed/retire.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Key.h"

#define TIMEOUT_USEC (20 * USEC_PER_SEC)
#define RETRY_USEC (10 * USEC_PER_MINUTE)
#define STARTING_USEC USEC_PER_MINUTE

struct Retire {
        sd_event *event;
        Store *store;
        VlRequest *request;
        char removing[64]; /* the key's id */
        bool listed;
        uint64_t next_usec; /* when the next one is removed, at the earliest */
};

int retire_new(Retire **ret, sd_event *event, Store *store) {
        Retire *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->event = sd_event_ref(event);
        r->store = store;
        *ret = r;
        return 0;
}

Retire *retire_free(Retire *r) {
        if (!r)
                return NULL;
        vl_request_free(r->request);
        sd_event_unref(r->event);
        free(r);
        return NULL;
}

static void on_removed(sd_json_variant *reply, const char *error, void *userdata) {
        Retire *r = userdata;

        r->request = NULL;
        if (error && !streq(error, KEY_ERROR_NO_SUCH_KEY)) {
                const bool starting = streq(error, VL_ERROR_UNREACHABLE);

                if (!starting)
                        log_warning("hagw-keyd did not remove the key %s: %s", r->removing, error);
                r->next_usec = clock_usec(CLOCK_REALTIME) + (starting ? STARTING_USEC : RETRY_USEC);
                return;
        }
        for (size_t i = 0; i < r->store->n_retired; i++)
                if (streq(r->store->retired[i].key_id, r->removing)) {
                        (void) store_unretire(r->store, i);
                        break;
                }
}

/* What nobody remembers and is older than the grace time was left behind by a kill between making and noting
 * it. */
static void retire_orphan(Retire *r, sd_json_variant *key, uint64_t now_usec) {
        sd_json_variant *imported, *created;
        const char *id;

        if (!sd_json_variant_is_object(key))
                return;
        imported = sd_json_variant_by_key(key, "imported");
        created = sd_json_variant_by_key(key, "createdUSec");
        id = strempty(json_string(key, "id"));
        if (!imported || !sd_json_variant_is_boolean(imported) || sd_json_variant_boolean(imported) ||
            !created || !sd_json_variant_is_unsigned(created) || !*id || store_uses_key(r->store, id))
                return;
        /* A key of the future was made when the clock was wrong: it has its time from now on. */
        if (sd_json_variant_unsigned(created) > now_usec + RETIRE_GRACE_USEC)
                (void) store_retire(r->store, id, now_usec + RETIRE_GRACE_USEC);
        else if (sd_json_variant_unsigned(created) + RETIRE_GRACE_USEC < now_usec)
                (void) store_retire(r->store, id, now_usec);
}

void retire_take_list(Retire *r, sd_json_variant *keys, uint64_t now_usec) {
        /* With a damaged file nobody knows what is needed; it may be put back. */
        if (r->listed || r->store->n_broken > 0)
                return;
        r->listed = true;
        for (size_t i = 0; i < sd_json_variant_elements(keys); i++)
                retire_orphan(r, sd_json_variant_by_index(keys, i), now_usec);
}

static int retire_remove(Retire *r, const char *key_id) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int k;

        (void) stpncpy(r->removing, key_id, sizeof(r->removing) - 1);
        k = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(key_id)));
        return k < 0 ? k
                     : vl_request(r->event, "io.hagw.Key", "io.hagw.Key.Remove", v, TIMEOUT_USEC, on_removed,
                                  r, &r->request);
}

uint64_t retire_run(Retire *r, uint64_t now_usec) {
        uint64_t next = UINT64_MAX;

        /* The clock was set back. */
        r->next_usec = MIN(r->next_usec, now_usec + RETRY_USEC);
        if (r->request)
                return now_usec + USEC_PER_SEC;
        for (size_t i = 0; i < r->store->n_retired; i++) {
                const Retired *k = &r->store->retired[i];

                if (store_uses_key(r->store, k->key_id)) {
                        (void) store_unretire(r->store, i--);
                        continue;
                }
                if (MAX(k->from_usec, r->next_usec) <= now_usec) {
                        (void) retire_remove(r, k->key_id);
                        return now_usec + USEC_PER_SEC;
                }
                next = MIN(next, MAX(k->from_usec, r->next_usec));
        }
        return MAX(next, now_usec + USEC_PER_SEC);
}
