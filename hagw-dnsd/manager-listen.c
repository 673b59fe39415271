/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Follows hagw-netd, which says what this machine's addresses are, and listens at them. */

#include "hagw-dnsd/manager.h"
#include "libhagw/json.h"
#include "libhagw/log.h"

#define NET_INTERFACE "io.hagw.Net"
#define NET_WATCH_LOCAL "io.hagw.Net.WatchLocal"

typedef struct Message {
        sd_json_variant *locals;
        bool complete;
} Message;

typedef struct LocalFields {
        const char *address;
        bool world;
} LocalFields;

static int take_local(sd_json_variant *v, LocalAddress *ret) {
        static const sd_json_dispatch_field fields[] = {
                FIELD_STRING("address", LocalFields, address),
                FIELD_BOOL("world", LocalFields, world),
                {},
        };
        LocalFields f = {};
        int r;

        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &f);
        if (r < 0)
                return r;
        ret->world = f.world;
        return ip_parse(f.address, &ret->address);
}

static int take_message(const Message *message, LocalAddress **ret, size_t *ret_n) {
        const size_t n = sd_json_variant_elements(message->locals);
        _cleanup_free_ LocalAddress *locals = calloc(n + 1, sizeof(*locals));

        if (!locals)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r = take_local(sd_json_variant_by_index(message->locals, i), &locals[i]);

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(locals);
        *ret_n = n;
        return 0;
}

void manager_listen(Manager *m) {
        ListenPlace places[LISTEN_PLACES_MAX];
        size_t n;

        /* Before hagw-netd has spoken: what systemd has kept stays. */
        if (!m->locals)
                return;
        n = listen_places(m->config, m->locals, m->n_locals, places);
        if (n > ELEMENTSOF(places))
                log_warning("This machine has %zu addresses to listen at; only %zu are listened at. See "
                            "dns.listen in hagw.conf(5).",
                            n, ELEMENTSOF(places));
        listeners_set(m->listeners, places, MIN(n, ELEMENTSOF(places)));
}

static void on_locals(sd_json_variant *v, void *userdata) {
        static const sd_json_dispatch_field fields[] = {
                FIELD_VARIANT("locals", ARRAY, Message, locals),
                FIELD_BOOL("complete", Message, complete),
                {},
        };
        LocalAddress *locals = NULL;
        Message message = {};
        Manager *m = userdata;
        size_t n = 0;
        int r;

        /* Lost: hagw-netd restarts, or is gone. What it told last stays true until it says otherwise. */
        if (!v)
                return;
        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &message);
        if (r >= 0)
                r = take_message(&message, &locals, &n);
        if (r < 0) {
                (void) log_warning_errno(r, "hagw-netd told own addresses that make no sense: %m");
                return;
        }
        free(m->locals);
        m->locals = locals;
        m->n_locals = n;
        manager_listen(m);
}

int manager_follow_locals(Manager *m) {
        return vl_watch_new(&m->locals_watch, m->event, NET_INTERFACE, NET_WATCH_LOCAL, on_locals, m);
}
