/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Follows hagw-acmed, which says what this machine's accounts are, for CAA. */

#include "hagw-dnsd/manager.h"
#include "libhagw/json.h"
#include "libhagw/log.h"

#define ACME_INTERFACE "io.hagw.Acme"
#define ACME_WATCH "io.hagw.Acme.WatchAccounts"

typedef struct Message {
        bool unnamed;
        sd_json_variant *accounts;
} Message;

int account_line_from_json(sd_json_variant *v, AccountLine *ret) {
        static const sd_json_dispatch_field fields[] = {
                FIELD_STRING("issuer", AccountLine, issuer),
                FIELD_STRING("accountUri", AccountLine, uri),
                {},
        };

        return sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, ret);
}

static int take_accounts(const Message *message, CaaOurs *ret) {
        const size_t n = sd_json_variant_elements(message->accounts);

        if (n > CAA_OURS_MAX)
                return -E2BIG;
        *ret = (CaaOurs) { .knowledge = message->unnamed ? CAA_UNNAMED : CAA_KNOWN, .n = n };
        for (size_t i = 0; i < n; i++) {
                AccountLine line = {};
                int r;

                r = account_line_from_json(sd_json_variant_by_index(message->accounts, i), &line);
                if (r >= 0)
                        r = account_value(&line, ret->values[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void on_accounts(sd_json_variant *v, void *userdata) {
        static const sd_json_dispatch_field fields[] = {
                FIELD_BOOL("unnamed", Message, unnamed),
                FIELD_VARIANT("accounts", ARRAY, Message, accounts),
                {},
        };
        Message message = {};
        Manager *m = userdata;
        CaaOurs ours;
        int r;

        /* Lost: hagw-acmed restarts, or is gone. What it told last stays true until it says otherwise. */
        if (!v)
                return;
        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &message);
        if (r >= 0)
                r = take_accounts(&message, &ours);
        if (r < 0) {
                (void) log_warning_errno(r, "hagw-acmed told accounts that make no sense: %m");
                return;
        }
        m->source.ours = ours;
        for (size_t i = 0; i < m->source.n_zones; i++)
                (void) manager_bump_serial(m, m->source.zones[i]->name, m->source.zones[i]->name_size);
}

int manager_follow_acme(Manager *m) {
        if (!caa_wants_ours(m->config)) {
                m->acme = vl_watch_free(m->acme);
                m->source.ours = (CaaOurs) {};
                return 0;
        }
        return m->acme ? 0 : vl_watch_new(&m->acme, m->event, ACME_INTERFACE, ACME_WATCH, on_accounts, m);
}
