/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Feeds. A first round goes through the table by id; what changes meanwhile and later is in the table of
 * changes, by sequence. Each is a state, not a step, so that telling one twice does no harm, and one that
 * changed often while nobody could read is told once. */

#include <stdio.h>

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/feed.h"
#include "hagw-tenantd/tenant-json.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/list.h"
#include "libhagw/usec.h"

typedef enum FeedKind { FEED_ROUTES = 0, FEED_ACCOUNTS = 1 } FeedKind; /* as schema.c says */

struct Feed {
        Manager *manager;
        struct Feed *next, **place; /* in the manager's list */
        FeedKind kind;
        int64_t id;       /* of the first round */
        int64_t sequence; /* of the changes */
        bool started, complete;
};

typedef struct Message {
        sd_json_variant *items, *removed;
} Message;

static void message_done(Message *message) {
        sd_json_variant_unref(message->items);
        sd_json_variant_unref(message->removed);
}
#define _cleanup_message_ _cleanup_(message_done)

static int message_init(Message *message) {
        int r;

        r = sd_json_variant_new_array(&message->items, NULL, 0);
        return r < 0 ? r : sd_json_variant_new_array(&message->removed, NULL, 0);
}

static int message_build(Feed *f, const Message *message, sd_json_variant **ret) {
        int r;

        r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("reset", SD_JSON_BUILD_BOOLEAN(!f->started)),
                           SD_JSON_BUILD_PAIR("complete", SD_JSON_BUILD_BOOLEAN(f->complete)),
                           SD_JSON_BUILD_PAIR(f->kind == FEED_ROUTES ? "tenants" : "accounts",
                                              SD_JSON_BUILD_VARIANT(message->items)),
                           SD_JSON_BUILD_PAIR_CONDITION(f->kind == FEED_ROUTES, "removed",
                                                        SD_JSON_BUILD_VARIANT(message->removed)));
        if (r < 0)
                return r;
        f->started = true;
        return VL_PAGE_CONTINUE;
}

/* --- the first round ----------------------------------------------------------------------------------- */

/* Both return how many rows were read. */
static int read_routes(Feed *f, sd_json_variant **items) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        sd_json_variant *v;
        Tenant t;
        int r, n = 0;

        r = tenant_query_after_id(&f->manager->db, f->id, clock_usec(CLOCK_REALTIME), &q);
        for (; r >= 0 && (r = tenant_next(q, &t)) > 0; n++) {
                f->id = t.id;
                r = route_to_json(f->manager, &t, &v);
                if (r >= 0)
                        r = array_take(items, v);
        }
        return r < 0 ? r : n;
}

/* Takes over *list, a tenant's accounts, and begins another. */
static int end_tenant(const char *name, sd_json_variant **list, sd_json_variant **items) {
        sd_json_variant *v;
        int r;

        r = accounts_to_json(name, *list, &v);
        *list = sd_json_variant_unref(*list);
        if (r >= 0)
                r = array_take(items, v);
        return r < 0 ? r : sd_json_variant_new_array(list, NULL, 0);
}

static int take_account(const Account *a, sd_json_variant **list) {
        sd_json_variant *v;
        int r;

        r = account_to_json(a, &v);
        return r < 0 ? r : array_take(list, v);
}

static int read_accounts(Feed *f, sd_json_variant **items) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        _cleanup_query_ sqlite3_stmt *q = NULL;
        char name[HOSTNAME_LABEL_MAX + 1] = "";
        Account a;
        int r, n = 0;

        r = sd_json_variant_new_array(&list, NULL, 0);
        if (r >= 0)
                r = account_query_after(&f->manager->db, f->id, &q);
        while (r >= 0 && (r = account_next(q, &a)) > 0) {
                if (n > 0 && a.tenant != f->id)
                        r = end_tenant(name, &list, items);
                if (r >= 0)
                        r = take_account(&a, &list);
                n += n == 0 || a.tenant != f->id;
                f->id = a.tenant;
                (void) snprintf(name, sizeof(name), "%s", a.name);
        }
        if (r >= 0 && n > 0)
                r = end_tenant(name, &list, items);
        return r < 0 ? r : n;
}

static int first_round(Feed *f, sd_json_variant **ret) {
        _cleanup_message_ Message message = {};
        int r;

        r = message_init(&message);
        if (r >= 0)
                r = f->kind == FEED_ROUTES ? read_routes(f, &message.items)
                                           : read_accounts(f, &message.items);
        if (r < 0)
                return r;
        f->complete = r < (int) TENANT_PAGE_MAX;
        return message_build(f, &message, ret);
}

/* --- changes ------------------------------------------------------------------------------------------- */

static int add_route(Feed *f, const char *name, Message *message) {
        sd_json_variant *v;
        int r;

        r = route_by_name(f->manager, name, &v);
        if (r >= 0)
                return array_take(&message->items, v);
        if (r != -ENOENT)
                return r;
        r = sd_json_variant_new_string(&v, name);
        return r < 0 ? r : array_take(&message->removed, v);
}

static int add_account(Feed *f, const char *name, Message *message) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        _cleanup_query_ sqlite3_stmt *q = NULL;
        Account a;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        if (r >= 0)
                r = account_query_name(&f->manager->db, name, &q);
        while (r >= 0 && (r = account_next(q, &a)) > 0)
                r = take_account(&a, &list);
        return r < 0 ? r : end_tenant(name, &list, &message->items);
}

/* Drops what all listeners of the kind have heard. */
static int prune(const Feed *f) {
        int64_t heard = f->sequence;

        for (const Feed *g = f->manager->feeds; g; g = g->next)
                if (g->kind == f->kind)
                        heard = MIN(heard, g->sequence);
        return db_run(&f->manager->db, STATEMENT_CHANGED_PRUNE, DB_VALUES(DB_INT(f->kind), DB_INT(heard)));
}

/* Returns how many were read. */
static int read_changes(Feed *f, Message *message, int64_t *ret_sequence) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        int r, n = 0;

        r = db_query(&f->manager->db, STATEMENT_CHANGED_AFTER,
                     DB_VALUES(DB_INT(f->sequence), DB_INT(f->kind), DB_INT(TENANT_PAGE_MAX)), &q);
        for (; r >= 0 && (r = db_step(q)) > 0; n++) {
                const char *name = strempty(db_column_text(q, 1));

                *ret_sequence = db_column_int(q, 0);
                r = f->kind == FEED_ROUTES ? add_route(f, name, message) : add_account(f, name, message);
        }
        return r < 0 ? r : n;
}

static int changes(Feed *f, sd_json_variant **ret) {
        _cleanup_message_ Message message = {};
        int64_t sequence;
        int r;

        r = message_init(&message);
        if (r >= 0)
                r = read_changes(f, &message, &sequence);
        if (r <= 0)
                return r < 0 ? r : VL_PAGE_NONE;
        f->sequence = sequence;
        r = prune(f);
        return r < 0 ? r : message_build(f, &message, ret);
}

static int feed_page(void *cursor, sd_json_variant **ret) {
        Feed *f = cursor;

        return f->complete ? changes(f, ret) : first_round(f, ret);
}

/* --- life ---------------------------------------------------------------------------------------------- */

static void feed_free(void *cursor) {
        Feed *f = cursor;

        LIST_REMOVE(f);
        free(f);
}

static const VlPagesType feed_type = { .page = feed_page, .free = feed_free };

static int feed_begin(Manager *m, sd_varlink *link, FeedKind kind) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        Feed *f;
        int r = 0;

        /* Where nobody listens, nobody needs the old changes. */
        if (!m->feeds)
                r = db_run(&m->db, STATEMENT_CHANGED_CLEAR, NULL, 0);
        if (r >= 0)
                r = db_query(&m->db, STATEMENT_CHANGED_LAST, NULL, 0, &q);
        if (r >= 0)
                r = db_step(q);
        f = r > 0 ? calloc(1, sizeof(*f)) : NULL;
        if (!f)
                return error_store(link, r < 0 ? r : -ENOMEM);
        *f = (Feed) { .manager = m, .kind = kind, .sequence = db_column_int(q, 0) };
        LIST_ADD(&m->feeds, f);
        return vl_pages_add(m->pages, link, &feed_type, f);
}

int feed_routes(Manager *m, sd_varlink *link) {
        return feed_begin(m, link, FEED_ROUTES);
}

int feed_accounts(Manager *m, sd_varlink *link) {
        return feed_begin(m, link, FEED_ACCOUNTS);
}
