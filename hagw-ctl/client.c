/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls to the daemons. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/explain.h"
#include "hagw-ctl/fault.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/patience.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl.h"

#define PATIENT_USEC (10 * USEC_PER_MINUTE) /* four errands, one after the other, take less */

const DaemonRow daemon_rows[] = {
        { "hagw-dnsd", "io.hagw.Dns", "answers DNS" },
        { "hagw-netd", "io.hagw.Net", "follows the public addresses" },
        { "hagw-keyd", "io.hagw.Key", "holds the keys" },
        { "hagw-acmed", "io.hagw.Acme", "obtains certificates" },
        { "hagw-proxyd", "io.hagw.Proxy", "lets visitors in" },
        { "hagw-webd", "io.hagw.Web", "asks for the login" },
        { "hagw-tenantd", "io.hagw.Tenant", "admits houses to this relay", .relay = true },
        {},
};

bool daemon_is_needed(const DaemonRow *d, const Config *config) {
        return !d->relay || (config && config->tenants.zone);
}

static const DaemonRow *find_daemon(const char *method) {
        for (const DaemonRow *d = daemon_rows; d->name; d++) {
                const char *rest = startswith(method, d->interface);
                if (rest && (*rest == '.' || *rest == '\0'))
                        return d;
        }
        return NULL;
}

static char left[ELEMENTSOF(daemon_rows)][CLIENT_LEFT_MAX]; /* why it does not run; "": it is asked */

void client_leave(const DaemonRow *d, const char *why) {
        (void) snprintf(left[d - daemon_rows], CLIENT_LEFT_MAX, "%s", why);
}

static bool is_left(const DaemonRow *d, char **ret_reason) {
        const char *why = left[d - daemon_rows];

        if (*why)
                *ret_reason = strdup(why);
        return *why;
}

int client_try_stream(const char *method, sd_json_variant *parameters, ClientHandler handler, void *userdata,
                      char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        const DaemonRow *d = find_daemon(method);
        _cleanup_free_ char *error = NULL;
        int r;

        assert(d);
        *ret_reason = NULL;
        if (is_left(d, ret_reason))
                return -ENOTCONN;
        r = vl_call_more(d->interface, method, parameters, VL_CALL_USEC, handler, userdata, &reply, &error);
        if (error)
                return explain_error(d, method, error, reply, ret_reason);
        return r < 0 ? explain_errno(d, r, ret_reason) : 0;
}

int client_stream(const char *method, sd_json_variant *parameters, ClientHandler handler, void *userdata) {
        _cleanup_free_ char *reason = NULL;
        int r = client_try_stream(method, parameters, handler, userdata, &reason);

        if (r < 0)
                log_error("%s", reason ?: "Out of memory.");
        return r;
}

/* Mostly with a file that the error does not name. */
static bool is_disk_error(const char *error, sd_json_variant *parameters) {
        static const int disk[] = { ENOSPC, EDQUOT, EROFS, EIO };
        const uint64_t number = field_number(parameters, "errno");

        for (size_t i = 0; i < ELEMENTSOF(disk); i++)
                if (streq(error, "io.systemd.System") && number == (uint64_t) disk[i])
                        return true;
        return false;
}

static int call_daemon(const DaemonRow *d, const char *method, sd_json_variant *parameters,
                       uint64_t timeout_usec, sd_json_variant **ret, char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *error = NULL;
        int r;

        *ret_reason = NULL;
        if (is_left(d, ret_reason))
                return -ENOTCONN;
        r = vl_call(d->interface, method, parameters, timeout_usec, waiting_tick, &reply, &error);
        if (error && is_disk_error(error, reply) && (*ret_reason = fault_explain(d)))
                return -EREMOTEIO;
        if (error)
                return explain_error(d, method, error, reply, ret_reason);
        if (r < 0)
                return explain_errno(d, r, ret_reason);
        if (ret)
                *ret = TAKE_PTR(reply);
        return 0;
}

int client_try(const char *method, sd_json_variant *parameters, sd_json_variant **ret, char **ret_reason) {
        const DaemonRow *d = find_daemon(method);

        assert(d);
        return call_daemon(d, method, parameters, VL_CALL_USEC, ret, ret_reason);
}

int client_try_within(const char *method, sd_json_variant *parameters, uint64_t timeout_usec,
                      sd_json_variant **ret, char **ret_reason) {
        const DaemonRow *d = find_daemon(method);

        assert(d);
        return call_daemon(d, method, parameters, timeout_usec, ret, ret_reason);
}

int client_call_patiently(const char *method, sd_json_variant *parameters, bool quiet,
                          sd_json_variant **ret) {
        const DaemonRow *d = find_daemon(method);
        _cleanup_free_ char *reason = NULL;
        int r;

        assert(d);
        waiting_begin("the certificate authority", PATIENT_USEC, quiet);
        r = call_daemon(d, method, parameters, PATIENT_USEC, ret, &reason);
        waiting_end();
        if (r < 0)
                log_error("%s", reason ?: "Out of memory.");
        return r;
}

static bool silent[ELEMENTSOF(daemon_rows)]; /* at the last look */
static Patience patience;

/* Where `always`, also at one that was silent. */
static int look(const DaemonRow *d, const char *method, sd_json_variant *parameters, bool always,
                sd_json_variant **ret, char **ret_reason) {
        const uint64_t begin = clock_usec(CLOCK_MONOTONIC);
        int r;

        if (silent[d - daemon_rows] && !always)
                return explain_errno(d, -ETIMEDOUT, ret_reason);
        /* Who has answered one question may have to work for another. */
        r = call_daemon(d, method, parameters, always ? patience_get(&patience) : PATIENCE_FIRST_USEC, ret,
                        ret_reason);
        silent[d - daemon_rows] = r == -ETIMEDOUT;
        if (r == -ETIMEDOUT)
                patience_spend(&patience, clock_usec(CLOCK_MONOTONIC) - begin);
        return r;
}

void client_silence(void) {
        for (size_t i = 0; i < ELEMENTSOF(silent); i++)
                silent[i] = true;
}

int client_look(const char *method, sd_json_variant *parameters, sd_json_variant **ret, char **ret_reason) {
        const DaemonRow *d = find_daemon(method);

        assert(d);
        return look(d, method, parameters, /* always= */ false, ret, ret_reason);
}

int client_call(const char *method, sd_json_variant *parameters, sd_json_variant **ret) {
        _cleanup_free_ char *reason = NULL;
        int r = client_try(method, parameters, ret, &reason);

        if (r < 0)
                log_error("%s", reason ?: "Out of memory.");
        return r;
}

int client_describe(const DaemonRow *d, sd_json_variant **ret, char **ret_reason) {
        return look(d, "io.hagw.Service.Describe", NULL, /* always= */ true, ret, ret_reason);
}

int client_metrics(const char *interface, sd_json_variant **ret) {
        const DaemonRow *d = find_daemon(interface);
        _cleanup_free_ char *reason = NULL;

        assert(d);
        return look(d, "io.hagw.Service.GetMetrics", NULL, /* always= */ false, ret, &reason);
}

char *client_explain(const char *interface, const char *error, sd_json_variant *parameters) {
        const DaemonRow *d = find_daemon(interface);
        char *text = NULL;

        assert(d);
        (void) explain_error(d, interface, error, parameters, &text);
        return text;
}

const char *field_text(sd_json_variant *v, const char *name) {
        sd_json_variant *f = sd_json_variant_by_key(v, name);

        return f && sd_json_variant_is_string(f) ? sd_json_variant_string(f) : NULL;
}

uint64_t field_number(sd_json_variant *v, const char *name) {
        sd_json_variant *f = sd_json_variant_by_key(v, name);

        return f && sd_json_variant_is_unsigned(f) ? sd_json_variant_unsigned(f) : 0;
}

bool field_bool(sd_json_variant *v, const char *name) {
        sd_json_variant *f = sd_json_variant_by_key(v, name);

        return f && sd_json_variant_is_boolean(f) && sd_json_variant_boolean(f);
}

size_t field_count(sd_json_variant *v, const char *name) {
        sd_json_variant *f = sd_json_variant_by_key(v, name);

        return f && sd_json_variant_is_array(f) ? sd_json_variant_elements(f) : 0;
}

sd_json_variant *field_element(sd_json_variant *v, const char *name, size_t i) {
        return sd_json_variant_by_index(sd_json_variant_by_key(v, name), i);
}

static bool field_has(sd_json_variant *v, const char *name, const char *word) {
        for (size_t i = 0; i < field_count(v, name); i++)
                if (streq_ptr(sd_json_variant_string(field_element(v, name, i)), word))
                        return true;
        return false;
}

char *field_missing(sd_json_variant *v, sd_json_variant *other, const char *name) {
        char *text = NULL;
        size_t size, n = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < field_count(v, name); i++) {
                const char *word = strempty(sd_json_variant_string(field_element(v, name, i)));

                if (!field_has(other, name, word))
                        fprintf(f, "%s%s", n++ > 0 ? ", " : "", word);
        }
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

char *field_joined(sd_json_variant *v, const char *name) {
        return field_missing(v, NULL, name);
}
