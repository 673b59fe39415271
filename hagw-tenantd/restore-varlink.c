/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Tenant: copies of the database, and what a person says when it is damaged. Main thread only. */

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/manager.h"
#include "hagw-tenantd/tenantd-varlink.h"
#include "libhagw/log.h"
#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Tenant.h"

/* What was taken since the copy, as far as it fits a message. */
static int taken_since(int64_t stamp, sd_json_variant **ret) {
        _cleanup_(strv_freep) char **lines = NULL;
        Ledger l = LEDGER_NONE;
        int r;

        r = ledger_read(&l, daemon_state_dir());
        if (r >= 0)
                r = ledger_count_after(&l, stamp, &lines);
        ledger_close(&l);
        if (r < 0)
                return r;
        if (r > (int) TENANT_TAKEN_MAX) {
                free(lines[TENANT_TAKEN_MAX]);
                for (char **p = &lines[TENANT_TAKEN_MAX + 1]; *p; p++)
                        free(*p);
                lines[TENANT_TAKEN_MAX] = NULL;
        }
        return sd_json_build(ret, SD_JSON_BUILD_STRV(lines));
}

static int append_copy(sd_json_variant **v, const Copy *c) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *taken = NULL;
        int r;

        r = taken_since(c->good ? c->stamp : INT64_MAX, &taken);
        if (r == -EBADMSG) /* the ledger; nothing is complete then */
                r = sd_json_variant_new_array(&taken, NULL, 0);
        if (r < 0)
                return r;
        return sd_json_variant_append_arraybo(
                v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c->name)),
                SD_JSON_BUILD_PAIR("good", SD_JSON_BUILD_BOOLEAN(c->good)),
                SD_JSON_BUILD_PAIR("complete", SD_JSON_BUILD_BOOLEAN(c->complete)),
                SD_JSON_BUILD_PAIR("madeUSec", SD_JSON_BUILD_UNSIGNED(c->made_usec)),
                SD_JSON_BUILD_PAIR("tenants", SD_JSON_BUILD_UNSIGNED(c->tenants)),
                SD_JSON_BUILD_PAIR("taken", SD_JSON_BUILD_VARIANT(taken)));
}

/* The ledger is closed where there is trouble. */
static int list(Copy copies[static COPIES_MAX]) {
        Ledger l = LEDGER_NONE;
        int r;

        r = ledger_read(&l, daemon_state_dir());
        if (r >= 0 || r == -EBADMSG)
                r = copies_list(daemon_state_dir(), &l, copies);
        ledger_close(&l);
        return r;
}

static int vl_method_list_copies(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Copy copies[COPIES_MAX];
        Manager *m = userdata;
        int n, r;

        n = r = list(copies);
        if (r >= 0)
                r = sd_json_variant_new_array(&v, NULL, 0);
        for (int i = 0; r >= 0 && i < n; i++)
                r = append_copy(&v, &copies[i]);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("trouble", SD_JSON_BUILD_STRING(m->trouble)),
                                  SD_JSON_BUILD_PAIR("copies", SD_JSON_BUILD_VARIANT(v)));
}

static int vl_method_make_copy(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;
        int r;

        r = manager_copy(m);
        return r < 0 ? error_store(link, r) : sd_varlink_reply(link, NULL);
}

/* 1, or the handler's result. name: NULL is the newest one. any: also one of which is not known all that was
 * taken since. */
static int choose(sd_varlink *link, const char *name, bool any, Copy *ret) {
        Copy copies[COPIES_MAX];
        int n = list(copies);

        if (n < 0)
                return sd_varlink_error_errno(link, n);
        for (int i = 0; i < n; i++)
                if (copies[i].good && (any || copies[i].complete) &&
                    (!name || streq(copies[i].name, name))) {
                        *ret = copies[i];
                        return 1;
                }
        return error_text(link, TENANT_ERROR_NO_SUCH_COPY, "name", strempty(name));
}

/* Everything is as it was where it fails: the one before is set aside only when the other is on disk. */
static int put_back(Manager *m, const char *name) {
        const bool whole = !m->trouble;
        int r, q = 0;

        if (whole)
                manager_close_store(m);
        r = copies_restore(daemon_state_dir(), name);
        if (r >= 0 || whole)
                q = manager_reopen(m, /* anew= */ false);
        return r < 0 ? r : q;
}

/* A database that is whole gives way only to a copy with which nothing that was taken comes back. */
static int restore(Manager *m, sd_varlink *link, const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *taken = NULL;
        Copy c;
        int r;

        r = choose(link, name, /* any= */ name && m->trouble, &c);
        if (r <= 0)
                return r;
        r = taken_since(c.stamp, &taken);
        if (r >= 0)
                r = put_back(m, c.name);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        if (m->trouble)
                return sd_varlink_error(link, TENANT_ERROR_DAMAGED, NULL);
        manager_changed(m);
        log_notice("The copy of the tenants' database of %s was put back; what was taken from tenants since "
                   "is taken again (%zu).", c.name, sd_json_variant_elements(taken));
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c.name)),
                                  SD_JSON_BUILD_PAIR("madeUSec", SD_JSON_BUILD_UNSIGNED(c.made_usec)),
                                  SD_JSON_BUILD_PAIR("tenants", SD_JSON_BUILD_UNSIGNED(c.tenants)),
                                  SD_JSON_BUILD_PAIR("taken", SD_JSON_BUILD_VARIANT(taken)));
}

static int begin_anew(Manager *m, sd_varlink *link) {
        int r;

        r = store_set_aside(daemon_state_dir());
        if (r >= 0)
                r = manager_reopen(m, /* anew= */ true);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        if (m->trouble)
                return sd_varlink_error(link, TENANT_ERROR_DAMAGED, NULL);
        manager_changed(m);
        log_notice("The tenants' database was begun anew.");
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("tenants", SD_JSON_BUILD_UNSIGNED(0)),
                                  SD_JSON_BUILD_PAIR("taken", SD_JSON_BUILD_EMPTY_ARRAY));
}

typedef struct RestoreParameters {
        const char *name;
        int empty, force;
} RestoreParameters;

static int vl_method_restore_copy(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const RestoreParameters *p = parameters;
        Manager *m = userdata;
        int r;

        if (!m->trouble && (p->empty > 0 || p->force <= 0))
                return sd_varlink_error(link, TENANT_ERROR_NOT_DAMAGED, NULL);
        r = p->empty > 0 ? begin_anew(m, link) : restore(m, link, p->name);
        (void) sd_varlink_flush(link); /* it may have been the last thing that this process does */
        return r;
}

#define TRISTATE(name, member)                                                                              \
        FIELD(name, SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_tristate, RestoreParameters, member, int,     \
              SD_JSON_NULLABLE)

const VlMethod restore_methods[] = {
        { "io.hagw.Tenant.ListCopies", VL_PEER_ROOT, vl_method_list_copies },
        { "io.hagw.Tenant.MakeCopy", VL_PEER_ROOT, vl_method_make_copy },
        { "io.hagw.Tenant.RestoreCopy", VL_PEER_ROOT, vl_method_restore_copy,
          VL_PARAMETERS(RestoreParameters,
                        FIELD_STRING("name", RestoreParameters, name, SD_JSON_NULLABLE),
                        TRISTATE("empty", empty), TRISTATE("force", force)) },
        {},
};
