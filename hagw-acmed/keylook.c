/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key.List. Main thread only. */

#include "hagw-acmed/keylook.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl.h"

#define TIMEOUT_USEC (20 * USEC_PER_SEC)

struct KeyLook {
        sd_event *event;
        VlRequest *request;
        KeyLookAsk on_ask;
        KeyLookHandler on_keys;
        void *userdata;
        uint64_t next_usec;
};

/* For tests, which have no minute. */
static uint64_t keylook_usec(void) {
        const char *e = secure_getenv("HAGW_KEYLOOK_USEC");

        return e ? strtoull(e, NULL, 10) : KEYLOOK_USEC;
}

int keylook_new(KeyLook **ret, sd_event *event, KeyLookAsk on_ask, KeyLookHandler on_keys, void *userdata) {
        KeyLook *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->event = sd_event_ref(event);
        l->on_ask = on_ask;
        l->on_keys = on_keys;
        l->userdata = userdata;
        *ret = l;
        return 0;
}

KeyLook *keylook_free(KeyLook *l) {
        if (!l)
                return NULL;
        vl_request_free(l->request);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}

static void on_list(sd_json_variant *reply, const char *error, void *userdata) {
        sd_json_variant *keys = reply && !error ? sd_json_variant_by_key(reply, "keys") : NULL;
        KeyLook *l = userdata;

        l->request = NULL;
        if (!keys || !sd_json_variant_is_array(keys)) {
                log_debug("hagw-keyd did not say which keys it has: %s", strempty(error));
                keys = NULL;
        }
        l->next_usec = clock_usec(CLOCK_REALTIME) + (keys ? keylook_usec() : KEYLOOK_RETRY_USEC);
        l->on_keys(keys, l->userdata);
}

uint64_t keylook_run(KeyLook *l, uint64_t now_usec) {
        if (l->request)
                return UINT64_MAX; /* its end calls */
        /* The clock was set back. */
        l->next_usec = MIN(l->next_usec, now_usec + MAX(keylook_usec(), KEYLOOK_RETRY_USEC));
        if (l->next_usec > now_usec)
                return l->next_usec;
        l->on_ask(l->userdata);
        if (vl_request(l->event, "io.hagw.Key", "io.hagw.Key.List", NULL, TIMEOUT_USEC, on_list, l,
                       &l->request) >= 0)
                return UINT64_MAX;
        return l->next_usec = now_usec + KEYLOOK_RETRY_USEC;
}
