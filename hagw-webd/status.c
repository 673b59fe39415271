/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The status page for the house's own network: addresses, hosts, certificates, daemons, each as its daemon
 * tells it. Nothing here that a neighbour on the LAN could use. What a daemon says in its own words, errors
 * above all, stays as the log has it. Main thread only. */

#include <stdio.h>

#include "hagw-webd/gather.h"
#include "hagw-webd/routes.h"
#include "libhagw/json.h"
#include "libhagw/usec.h"

#define DESCRIBE "io.hagw.Service.Describe"
#define TEXT_MAX 128U /* bytes of a short text */

typedef enum Mark { MARK_GOOD, MARK_BAD, MARK_NONE, _MARK_MAX } Mark;

/* Told by a sign and a word as well as by colour. */
static const struct {
        const char *class, *sign;
} marks[_MARK_MAX] = {
        [MARK_GOOD] = { "good", "✓" },
        [MARK_BAD] = { "bad", "✗" },
        [MARK_NONE] = { "soft", "–" },
};

/* The page in the making. */
typedef struct Sheet {
        FILE *out;
        const Language *language;
} Sheet;

/* The text; its one place, where it has one, taken by value. out has room for TEXT_MAX bytes. Not escaped:
 * the rows' template does that. */
static const char *fill(const Sheet *s, Text t, const char *value, char *out) {
        const char *text = s->language->texts[t], *place = strstr(text, "{{"),
                   *rest = place ? strstr(place, "}}") : NULL;

        if (!rest)
                return text;
        (void) snprintf(out, TEXT_MAX, "%.*s%s%s", (int) (place - text), text, value, rest + 2);
        return out;
}

static const char *say(const Sheet *s, Text t) {
        return s->language->texts[t];
}

static int put_row(const Sheet *s, const char *name, Mark mark, const char *state, const char *detail) {
        const PageValue values[] = {
                { "name", name },   { "class", marks[mark].class }, { "mark", marks[mark].sign },
                { "state", state }, { "detail", detail },           {},
        };
        _cleanup_free_ char *row = NULL;
        int r;

        r = page_expand(page_row, s->language, values, &row);
        if (r < 0)
                return r;
        (void) fputs(row, s->out);
        return 0;
}

/* "3 d", "5 h", "2 min". */
static const char *span(const Sheet *s, uint64_t usec, char *out) {
        static const struct {
                uint64_t usec;
                Text text;
        } units[] = {
                { USEC_PER_DAY, TEXT_STATUS_DAYS },
                { USEC_PER_HOUR, TEXT_STATUS_HOURS },
                { USEC_PER_MINUTE, TEXT_STATUS_MINUTES },
        };
        char number[24];

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (usec >= 2 * units[i].usec) {
                        (void) snprintf(number, sizeof(number), "%llu",
                                        (unsigned long long) (usec / units[i].usec));
                        return fill(s, units[i].text, number, out);
                }
        return say(s, TEXT_STATUS_MOMENT);
}

static int row_address(const Sheet *s, sd_json_variant *v) {
        const char *address = json_string(v, "address"), *error = json_string(v, "error"),
                   *source = json_string(v, "source");
        uint64_t confirmed = json_unsigned(v, "confirmedUSec"), now = clock_usec(CLOCK_REALTIME);
        char detail[3 * TEXT_MAX], age[TEXT_MAX], ago[TEXT_MAX];

        if (!address && !error)
                return put_row(s, strempty(json_string(v, "family")), MARK_NONE, say(s, TEXT_STATUS_NONE),
                               source);
        (void) snprintf(
                detail, sizeof(detail), "%s%s%s, %s", strempty(error), error ? "; " : "", strempty(source),
                fill(s, TEXT_STATUS_CONFIRMED, span(s, now - MIN(confirmed, now), age), ago));
        if (confirmed == 0 && !error) /* static: says what it is itself */
                error = source;
        return put_row(s, strempty(json_string(v, "family")), error ? MARK_BAD : MARK_GOOD,
                       address ?: say(s, TEXT_STATUS_NONE_YET), confirmed > 0 ? detail : error);
}

/* A daemon's word for a state, and what the page makes of it. */
typedef struct StateRow {
        const char *word;
        Mark mark;
        Text text;
} StateRow;

static const StateRow *find_state(const StateRow *rows, const char *word) {
        for (const StateRow *r = rows; word && r->word; r++)
                if (streq(r->word, word))
                        return r;
        return NULL;
}

static int row_host(const Sheet *s, sd_json_variant *v) {
        static const StateRow rows[] = {
                { "ok", MARK_GOOD, TEXT_STATUS_OK },
                { "failing", MARK_BAD, TEXT_STATUS_FAILING },
                { "unknown", MARK_NONE, TEXT_STATUS_UNKNOWN },
                {},
        };
        const StateRow *row = find_state(rows, json_string(v, "health"));

        return put_row(s, strempty(json_string(v, "name")), row ? row->mark : MARK_NONE,
                       row ? say(s, row->text) : strempty(json_string(v, "health")),
                       json_string(v, "error"));
}

static int row_certificate(const Sheet *s, sd_json_variant *v) {
        static const StateRow rows[] = {
                { "valid", MARK_GOOD, TEXT_STATUS_VALID },
                { "waiting", MARK_NONE, TEXT_STATUS_WAITING },
                { "ordering", MARK_NONE, TEXT_STATUS_ORDERING },
                { "expiring", MARK_BAD, TEXT_STATUS_EXPIRING },
                { "expired", MARK_BAD, TEXT_STATUS_EXPIRED },
                { "keyless", MARK_BAD, TEXT_STATUS_KEYLESS },
                { "failed", MARK_BAD, TEXT_STATUS_FAILED },
                {},
        };
        const StateRow *row = find_state(rows, json_string(v, "state"));
        sd_json_variant *wanted = sd_json_variant_by_key(v, "wanted");
        /* Of a host that was removed: it ends, and that is no fault. */
        const bool over = wanted && sd_json_variant_is_boolean(wanted) && !sd_json_variant_boolean(wanted) &&
                          !streq(strempty(json_string(v, "source")), "imported");
        uint64_t end = json_unsigned(v, "notAfterUSec"), now = clock_usec(CLOCK_REALTIME);
        const char *state = row ? say(s, row->text) : strempty(json_string(v, "state"));
        char text[2 * TEXT_MAX], left[TEXT_MAX], time[TEXT_MAX];

        if (end > now)
                (void) snprintf(text, sizeof(text), "%s, %s", state,
                                fill(s, TEXT_STATUS_LEFT, span(s, end - now, time), left));
        return put_row(s, strempty(json_string(v, "name")),
                       over  ? MARK_NONE
                       : row ? row->mark
                             : MARK_BAD,
                       end > now ? text : state, json_string(v, "error"));
}

/* A list of things is a row: who tells it, and how; its call is the one at the same place in calls[]. */
static const struct {
        const char *daemon, *field;
        Text heading;
        int (*row)(const Sheet *s, sd_json_variant *v);
} lists[] = {
        { "netd", "addresses", TEXT_STATUS_ADDRESSES, row_address },
        { "proxyd", "hosts", TEXT_STATUS_HOSTS, row_host },
        { "acmed", "certificates", TEXT_STATUS_CERTIFICATES, row_certificate },
};

/* The lists first, in the order of the table above; then every daemon, the last one at a relay only. */
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
        { "tenantd", "io.hagw.Tenant", DESCRIBE },
};

static int put_heading(const Sheet *s, Text heading) {
        const PageValue values[] = { { "name", say(s, heading) }, {} };
        _cleanup_free_ char *text = NULL;
        int r;

        r = page_expand(page_heading, s->language, values, &text);
        if (r < 0)
                return r;
        (void) fputs(text, s->out);
        return 0;
}

static int put_silent(const Sheet *s, const char *daemon) {
        return put_row(s, daemon, MARK_BAD, say(s, TEXT_STATUS_SILENT), say(s, TEXT_STATUS_SILENT_WHY));
}

static int put_list(const Sheet *s, sd_json_variant *reply, size_t i) {
        sd_json_variant *items = sd_json_variant_by_key(reply, lists[i].field);
        size_t n = sd_json_variant_elements(items);
        int r;

        r = put_heading(s, lists[i].heading);
        if (r >= 0 && !items)
                r = put_silent(s, lists[i].daemon);
        else if (r >= 0 && n == 0)
                r = put_row(s, "–", MARK_NONE, say(s, TEXT_STATUS_NONE), /* detail= */ NULL);
        for (size_t k = 0; k < n && r >= 0; k++)
                r = lists[i].row(s, sd_json_variant_by_index(items, k));
        return r;
}

static int put_daemon(const Sheet *s, const char *name, sd_json_variant *reply) {
        const char *error = json_string(reply, "configError");

        if (!reply)
                return put_silent(s, name);
        return put_row(s, name, error ? MARK_BAD : MARK_GOOD,
                       say(s, error ? TEXT_STATUS_REFUSED : TEXT_STATUS_RUNNING),
                       error ?: json_string(reply, "status"));
}

static int put_all(const Sheet *s, const Gather *g) {
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(lists) && r >= 0; i++)
                r = put_list(s, g->replies[i], i);
        if (r >= 0)
                r = put_heading(s, TEXT_STATUS_DAEMONS);
        for (size_t i = ELEMENTSOF(lists); i < g->n && r >= 0; i++)
                r = put_daemon(s, g->calls[i].daemon, g->replies[i]);
        return r;
}

static int status_resumed(Request *q) {
        _cleanup_free_ char *rows = NULL;
        Sheet s = { .language = q->language };
        size_t size;
        int r;

        s.out = open_memstream(&rows, &size);
        if (!s.out)
                return -errno;
        r = put_all(&s, q->data);
        if (fclose(s.out) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0)
                return r;
        const PageValue values[] = {
                { "version", PACKAGE_VERSION }, { "notes", q->manager->notes }, { "rows", rows }, {},
        };
        return request_page(q, MHD_HTTP_OK, page_status, TEXT_FOOTER, values, /* headers= */ NULL);
}

int status_get(Request *q) {
        const size_t n = ELEMENTSOF(calls) - !q->manager->config->tenants.zone;

        return gather_join(q->manager->status, calls, n, q, status_resumed);
}
