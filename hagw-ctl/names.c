/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names there are of a kind. */

#include "hagw-ctl/client.h"
#include "hagw-ctl/names.h"
#include "hagw-ctl/tenant.h"
#include "libhagw/conf.h"
#include "libhagw/log.h"
#include "libhagw/pure/suggest.h"

#define NAMES_MAX 1024U

static const struct {
        Names kind;
        const char *method, *list, *field, *what, *verb;
        const char *removal, *parameter; /* the method that takes one away; NULL: none waits to be written */
} rows[] = {
        { NAMES_CERTIFICATES, "io.hagw.Acme.Watch", "certificates", "name", "certificate", "cert list", NULL,
          NULL },
        { NAMES_USERS, "io.hagw.Web.ListUsers", "users", "name", "user", "user list",
          "io.hagw.Web.RemoveUser", "name" },
        { NAMES_GROUPS, "io.hagw.Web.ListUsers", "users", "groups", "group", "user list", NULL, NULL },
        { NAMES_SESSIONS, "io.hagw.Web.ListSessions", "sessions", "id", "session", "session list",
          "io.hagw.Web.RevokeSession", "id" },
};

static int list_hosts(const char *config_dir, sd_json_variant **array) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *error = NULL;
        int r = config_load(config_dir, &config, &error);

        if (r < 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < config->n_hosts; i++)
                r = sd_json_variant_append_arrayb(array, SD_JSON_BUILD_STRING(config->hosts[i].name));
        return r;
}

/* The field of one element: a name, or a list of names. */
static int append_names(sd_json_variant **array, sd_json_variant *element, const char *field) {
        const char *name = field_text(element, field);
        int r = name ? sd_json_variant_append_arrayb(array, SD_JSON_BUILD_STRING(name)) : 0;

        for (size_t i = 0; r >= 0 && i < field_count(element, field); i++)
                r = sd_json_variant_append_array_nodup(array, field_element(element, field, i));
        return r;
}

static int list_from_daemon(size_t row, sd_json_variant **array, bool *ret_asked) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;
        int r = client_try(rows[row].method, NULL, &reply, &reason);

        *ret_asked = r >= 0;
        if (r < 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < field_count(reply, rows[row].list); i++)
                r = append_names(array, field_element(reply, rows[row].list, i), rows[row].field);
        return r;
}

int names_list(Names kind, const char *config_dir, const char *begun, sd_json_variant **ret) {
        bool asked;
        int r;

        r = sd_json_variant_new_array(ret, NULL, 0);
        if (r >= 0 && kind == NAMES_HOSTS)
                return list_hosts(config_dir, ret);
        if (r >= 0 && kind == NAMES_TENANTS)
                return tenant_names(begun, NAMES_MAX, ret);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                if (rows[i].kind == kind)
                        return list_from_daemon(i, ret, &asked);
        return r;
}

/* The daemon has none of that name. 0: nor does its file. */
static int ask_removal(size_t row, const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR(rows[row].parameter, SD_JSON_BUILD_STRING(name)));
        if (r < 0)
                return 0; /* not UTF-8: nobody's name */
        r = client_try(rows[row].removal, parameters, NULL, &reason);
        if (r != -EINPROGRESS)
                return 0;
        log_error("%s", reason);
        return r;
}

static int check(Names kind, const char *name, bool removal) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        const char *names[NAMES_MAX + 1], *near;
        bool asked;
        size_t n = 0, row = 0;
        int r;

        while (rows[row].kind != kind)
                row++;
        if (sd_json_variant_new_array(&array, NULL, 0) < 0 || list_from_daemon(row, &array, &asked) < 0)
                return log_oom();
        if (!asked)
                return 0;
        for (; n < NAMES_MAX && n < sd_json_variant_elements(array); n++) {
                names[n] = sd_json_variant_string(sd_json_variant_by_index(array, n));
                if (streq(names[n], name))
                        return 0;
        }
        if (n == NAMES_MAX)
                return 0;
        r = removal ? ask_removal(row, name) : 0;
        if (r < 0)
                return r;
        names[n] = NULL;
        near = suggest(name, names);
        if (near)
                log_error("There is no %s \"%s\"; did you mean \"%s\"?", rows[row].what, name, near);
        else
                log_error("There is no %s \"%s\"; hagw-ctl %s shows them.", rows[row].what, name,
                          rows[row].verb);
        return -ENOENT;
}

int names_check(Names kind, const char *name) {
        return check(kind, name, /* removal= */ false);
}

int names_check_removal(Names kind, const char *name) {
        return check(kind, name, /* removal= */ true);
}
