/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The status page for the house's own network: addresses, hosts, certificates, daemons, each as its daemon
 * tells it. Nothing here that a neighbour on the LAN could use. English only: it is the administrator's
 * page, with the words of the log. Main thread only. */

#include <stdio.h>

#include "gather.h"
#include "routes.h"

#define DESCRIBE "io.hagw.Service.Describe"

typedef enum Mark { MARK_GOOD, MARK_BAD, MARK_NONE, _MARK_MAX } Mark;

/* Told by a sign and a word as well as by colour. */
static const struct {
        const char *class, *sign;
} marks[_MARK_MAX] = {
        [MARK_GOOD] = { "good", "✓" },
        [MARK_BAD] = { "bad", "✗" },
        [MARK_NONE] = { "soft", "–" },
};

static const char *text_of(sd_json_variant *v, const char *key) {
        sd_json_variant *s = sd_json_variant_by_key(v, key);

        return sd_json_variant_is_string(s) ? sd_json_variant_string(s) : NULL;
}

static uint64_t number_of(sd_json_variant *v, const char *key) {
        sd_json_variant *n = sd_json_variant_by_key(v, key);

        return sd_json_variant_is_unsigned(n) ? sd_json_variant_unsigned(n) : 0;
}

static int put_row(FILE *out, const char *name, Mark mark, const char *state, const char *detail) {
        const PageValue values[] = {
                { "name", name },   { "class", marks[mark].class }, { "mark", marks[mark].sign },
                { "state", state }, { "detail", detail },           {},
        };
        _cleanup_free_ char *row = NULL;
        int r;

        r = page_expand(page_row, languages, values, &row);
        if (r < 0)
                return r;
        (void) fputs(row, out);
        return 0;
}

/* "3 d", "5 h", "2 min". out has room for 32. */
static const char *span(uint64_t usec, char *out) {
        static const struct {
                uint64_t usec;
                const char *unit;
        } units[] = {
                { USEC_PER_DAY, "d" }, { USEC_PER_HOUR, "h" }, { USEC_PER_MINUTE, "min" }, { 1, NULL }
        };
        size_t i = 0;

        while (units[i].unit && usec < 2 * units[i].usec)
                i++;
        if (units[i].unit)
                (void) snprintf(out, 32, "%llu %s", (unsigned long long) (usec / units[i].usec),
                                units[i].unit);
        else
                (void) snprintf(out, 32, "a moment");
        return out;
}

static int row_address(FILE *out, sd_json_variant *v) {
        const char *address = text_of(v, "address"), *error = text_of(v, "error"),
                   *source = text_of(v, "source");
        uint64_t confirmed = number_of(v, "confirmedUSec"), now = now_usec(CLOCK_REALTIME);
        char detail[256], age[32];

        if (!address && !error)
                return put_row(out, strempty(text_of(v, "family")), MARK_NONE, "none", source);
        (void) snprintf(detail, sizeof(detail), "%s%s%s, confirmed %s ago", strempty(error),
                        error ? "; " : "", strempty(source), span(now - MIN(confirmed, now), age));
        return put_row(out, strempty(text_of(v, "family")), error ? MARK_BAD : MARK_GOOD,
                       address ?: "none yet", confirmed > 0 ? detail : error);
}

static int row_host(FILE *out, sd_json_variant *v) {
        const char *health = strempty(text_of(v, "health"));
        Mark mark = streq(health, "ok") ? MARK_GOOD : streq(health, "failing") ? MARK_BAD : MARK_NONE;

        return put_row(out, strempty(text_of(v, "name")), mark,
                       streq(health, "unknown") ? "not asked yet" : health, text_of(v, "error"));
}

static int row_certificate(FILE *out, sd_json_variant *v) {
        const char *state = strempty(text_of(v, "state"));
        Mark mark = streq(state, "valid")                                 ? MARK_GOOD
                    : streq(state, "waiting") || streq(state, "ordering") ? MARK_NONE
                                                                          : MARK_BAD;
        uint64_t end = number_of(v, "notAfterUSec"), now = now_usec(CLOCK_REALTIME);
        char text[128], left[32];

        if (end > now)
                (void) snprintf(text, sizeof(text), "%s, %s left", state, span(end - now, left));
        else
                (void) snprintf(text, sizeof(text), "%s", state);
        return put_row(out, strempty(text_of(v, "name")), mark, text, text_of(v, "error"));
}

/* A list of things is a row: who tells it, and how; its call is the one at the same place in calls[]. */
static const struct {
        const char *daemon, *heading, *field;
        int (*row)(FILE *out, sd_json_variant *v);
} lists[] = {
        { "netd", "Public addresses", "addresses", row_address },
        { "proxyd", "Hosts", "hosts", row_host },
        { "acmed", "Certificates", "certificates", row_certificate },
};

/* The lists first, in the order of the table above; then every daemon. */
static const GatherCall calls[] = {
        { "netd", "io.hagw.Net", "io.hagw.Net.Watch" },
        { "proxyd", "io.hagw.Proxy", "io.hagw.Proxy.ListHosts" },
        { "acmed", "io.hagw.Acme", "io.hagw.Acme.Watch" },
        { "dnsd", "io.hagw.Dns", DESCRIBE },
        { "netd", "io.hagw.Net", DESCRIBE },
        { "keyd", "io.hagw.Key", DESCRIBE },
        { "acmed", "io.hagw.Acme", DESCRIBE },
        { "proxyd", "io.hagw.Proxy", DESCRIBE },
        { "webd", "io.hagw.Web", DESCRIBE },
};

static int put_heading(FILE *out, const char *name) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = page_expand(page_heading, languages, (const PageValue[]) { { "name", name }, {} }, &text);
        if (r < 0)
                return r;
        (void) fputs(text, out);
        return 0;
}

static int put_list(FILE *out, sd_json_variant *reply, size_t i) {
        sd_json_variant *items = sd_json_variant_by_key(reply, lists[i].field);
        size_t n = sd_json_variant_elements(items);
        int r;

        r = put_heading(out, lists[i].heading);
        if (r >= 0 && !items)
                r = put_row(out, lists[i].daemon, MARK_BAD, "does not answer", "systemctl status tells why");
        else if (r >= 0 && n == 0)
                r = put_row(out, "–", MARK_NONE, "none", /* detail= */ NULL);
        for (size_t k = 0; k < n && r >= 0; k++)
                r = lists[i].row(out, sd_json_variant_by_index(items, k));
        return r;
}

static int put_daemon(FILE *out, const char *name, sd_json_variant *reply) {
        const char *error = text_of(reply, "configError");

        if (!reply)
                return put_row(out, name, MARK_BAD, "does not answer", "systemctl status tells why");
        return put_row(out, name, error ? MARK_BAD : MARK_GOOD, error ? "configuration refused" : "running",
                       error ?: text_of(reply, "status"));
}

static int put_all(FILE *out, const Gather *g) {
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(lists) && r >= 0; i++)
                r = put_list(out, g->replies[i], i);
        if (r >= 0)
                r = put_heading(out, "Daemons");
        for (size_t i = ELEMENTSOF(lists); i < g->n && r >= 0; i++)
                r = put_daemon(out, g->calls[i].daemon, g->replies[i]);
        return r;
}

static int status_resumed(Request *q) {
        _cleanup_free_ char *rows = NULL;
        size_t size;
        FILE *out;
        int r;

        out = open_memstream(&rows, &size);
        if (!out)
                return -errno;
        r = put_all(out, q->data);
        if (fclose(out) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0)
                return r;
        const PageValue values[] = {
                { "version", PACKAGE_VERSION }, { "notes", q->manager->notes }, { "rows", rows }, {},
        };
        return request_page(q, MHD_HTTP_OK, page_status, TEXT_FOOTER, values, /* headers= */ NULL);
}

int status_get(Request *q) {
        return gather_join(q->manager->status, calls, ELEMENTSOF(calls), q, status_resumed);
}
