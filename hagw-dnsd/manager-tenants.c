/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* At a relay: follows hagw-tenantd, which says what tenants' CAA records are. */

#include "hagw-dnsd/manager.h"
#include "libhagw/json.h"
#include "libhagw/log.h"

#define TENANT_INTERFACE "io.hagw.Tenant"
#define TENANT_WATCH "io.hagw.Tenant.WatchAccounts"

typedef struct Message {
        bool reset, complete;
        sd_json_variant *accounts;
} Message;

typedef struct TenantAccounts {
        const char *name;
        sd_json_variant *accounts;
} TenantAccounts;

static int take_account(Accounts *to, sd_json_variant *v) {
        static const sd_json_dispatch_field fields[] = {
                FIELD_STRING("name", TenantAccounts, name),
                FIELD_VARIANT("accounts", ARRAY, TenantAccounts, accounts),
                {},
        };
        AccountLine lines[ACCOUNT_LINES_MAX] = {};
        TenantAccounts t = {};
        size_t n;
        int r;

        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &t);
        if (r < 0)
                return r;
        n = sd_json_variant_elements(t.accounts);
        if (n > ELEMENTSOF(lines))
                return -E2BIG;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = account_line_from_json(sd_json_variant_by_index(t.accounts, i), &lines[i]);
        return r < 0 ? r : accounts_set(to, t.name, lines, n);
}

/* What is answered from, or gathered now. */
static Accounts *target(Manager *m) {
        return m->accounts_next ?: m->source.accounts;
}

/* A first round is gathered beside what is answered from, so that nobody sees half of it. */
static int take_message(Manager *m, const Message *message) {
        int r = 0;

        if (message->reset) {
                accounts_free(m->accounts_next);
                m->accounts_next = accounts_new();
                r = m->accounts_next ? 0 : -ENOMEM;
        }
        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(message->accounts); i++)
                r = take_account(target(m), sd_json_variant_by_index(message->accounts, i));
        if (r < 0)
                return r;
        if (message->complete && m->accounts_next) {
                accounts_free(m->source.accounts);
                m->source.accounts = TAKE_PTR(m->accounts_next);
        }
        return 0;
}

static void on_accounts(sd_json_variant *v, void *userdata) {
        static const sd_json_dispatch_field fields[] = {
                FIELD_BOOL("reset", Message, reset),
                FIELD_BOOL("complete", Message, complete),
                FIELD_VARIANT("accounts", ARRAY, Message, accounts),
                {},
        };
        Message message = {};
        uint8_t zone[DNAME_MAX];
        Manager *m = userdata;
        int r;

        /* Lost: hagw-tenantd restarts, or is gone. What it told last stays true until it says otherwise. */
        if (!v)
                return;
        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &message);
        if (r >= 0)
                r = take_message(m, &message);
        if (r < 0)
                (void) log_warning_errno(r, "hagw-tenantd told accounts that make no sense: %m");
        r = dname_from_text(m->tenants_zone, zone);
        if (r > 0)
                (void) manager_bump_serial(m, zone, (size_t) r);
}

void manager_leave_tenants(Manager *m) {
        m->tenants = vl_watch_free(m->tenants);
        m->source.accounts = accounts_free(m->source.accounts);
        m->accounts_next = accounts_free(m->accounts_next);
        m->tenants_zone = (free(m->tenants_zone), NULL);
}

int manager_follow_tenants(Manager *m, const char *zone) {
        int r;

        if (streq_ptr(m->tenants_zone, zone))
                return 0;
        manager_leave_tenants(m);
        if (!zone)
                return 0;
        m->source.accounts = accounts_new();
        m->tenants_zone = strdup(zone);
        r = m->source.accounts && m->tenants_zone
                    ? vl_watch_new(&m->tenants, m->event, TENANT_INTERFACE, TENANT_WATCH, on_accounts, m)
                    : -ENOMEM;
        if (r < 0)
                manager_leave_tenants(m);
        return r;
}
