/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Tenant: lists of tenants and of what they moved. Main thread only. */

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/root-internal.h"
#include "hagw-tenantd/tenant-json.h"
#include "hagw-tenantd/usage.h"
#include "libhagw/usec.h"

typedef struct ListCursor {
        Manager *manager;
        char after[LABEL_SIZE];
        char prefix[LABEL_SIZE];
        uint64_t left; /* how many more may be told */
} ListCursor;

static int list_page(void *cursor, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        _cleanup_query_ sqlite3_stmt *q = NULL;
        ListCursor *c = cursor;
        sd_json_variant *v;
        Tenant t;
        int r, n = 0;

        r = sd_json_variant_new_array(&array, NULL, 0);
        if (r >= 0)
                r = tenant_query_after_name(&c->manager->db, c->after, c->prefix, c->left, now, &q);
        for (; r >= 0 && (r = tenant_next(q, &t)) > 0; n++) {
                label_lower(t.name, c->after);
                c->left--;
                r = tenant_to_json(c->manager, &t, now, &v);
                if (r >= 0)
                        r = array_take(&array, v);
        }
        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("tenants", SD_JSON_BUILD_VARIANT(array)));
        if (r < 0)
                return r;
        return n < (int) TENANT_PAGE_MAX || c->left == 0 ? VL_PAGE_LAST : VL_PAGE_CONTINUE;
}

static const VlPagesType list_type = { .page = list_page, .free = free };

static int vl_method_list(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const Given *g = parameters;
        Manager *m = userdata;
        ListCursor *c;

        if (m->trouble)
                return error_store(link, -EUCLEAN);
        c = calloc(1, sizeof(*c));
        if (!c)
                return sd_varlink_error_errno(link, -ENOMEM);
        *c = (ListCursor) { .manager = m, .left = g->limit };
        label_lower(strempty(g->prefix), c->prefix);
        return vl_pages_add(m->pages, link, &list_type, c);
}

typedef struct UsageCursor {
        Manager *manager;
        char after[LABEL_SIZE], last[LABEL_SIZE];
        Month after_month, from;
} UsageCursor;

static int usage_page(void *cursor, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        _cleanup_query_ sqlite3_stmt *q = NULL;
        UsageCursor *c = cursor;
        sd_json_variant *v;
        int r, n = 0;
        Usage u;

        r = sd_json_variant_new_array(&array, NULL, 0);
        if (r >= 0)
                r = usage_query(&c->manager->db, c->after, c->after_month, c->last, c->from, TENANT_PAGE_MAX,
                                &q);
        for (; r >= 0 && (r = usage_next(q, &u)) > 0; n++) {
                label_lower(u.tenant, c->after);
                c->after_month = u.month;
                r = usage_to_json(&u, &v);
                if (r >= 0)
                        r = array_take(&array, v);
        }
        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("usage", SD_JSON_BUILD_VARIANT(array)));
        if (r < 0)
                return r;
        return n < (int) TENANT_PAGE_MAX ? VL_PAGE_LAST : VL_PAGE_CONTINUE;
}

static const VlPagesType usage_type = { .page = usage_page, .free = free };

static int vl_method_get_usage(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const Month month = month_of(clock_usec(CLOCK_REALTIME));
        const Given *g = parameters;
        Manager *m = userdata;
        UsageCursor *c;
        Found t = { .name = "" };
        int r;

        r = g->name ? find_tenant(m, link, g->name, &t) : 1;
        if (r <= 0)
                return r;
        if (g->months == 0)
                return sd_varlink_error_invalid_parameter_name(link, "months");
        if (m->trouble)
                return error_store(link, -EUCLEAN);
        c = calloc(1, sizeof(*c));
        if (!c)
                return sd_varlink_error_errno(link, -ENOMEM);
        *c = (UsageCursor) { .manager = m,
                             .from = month + 1 - (Month) MIN(g->months, (uint64_t) USAGE_MONTHS_KEPT) };
        label_lower(t.name, c->after);
        /* Behind all that may stand in a name. */
        label_lower(g->name ? t.name : "~", c->last);
        return vl_pages_add(m->pages, link, &usage_type, c);
}

const VlMethod list_methods[] = {
        { "io.hagw.Tenant.List", VL_PEER_ROOT, vl_method_list, GIVEN },
        { "io.hagw.Tenant.GetUsage", VL_PEER_ROOT, vl_method_get_usage, GIVEN },
        {},
};
