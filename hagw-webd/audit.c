/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Journal entries about logins. Main thread only. */

#include <stdio.h>

#include "hagw-webd/audit.h"
#include "hagw-webd/manager.h"
#include "hagw-webd/request.h"
#include "libhagw/log.h"

void audit_session(const Request *q, const char *event, const Session *s) {
        _cleanup_free_ char *message = NULL, *e = NULL, *u = NULL, *a = NULL, *h = NULL, *id = NULL;
        char address[IP_TEXT_MAX];

        (void) ip_format(&q->address, address);
        if (asprintf(&message, "%s at %s: %s from %s", event, q->host, s->user, address) < 0 ||
            asprintf(&e, "HAGW_EVENT=%s", event) < 0 || asprintf(&u, "HAGW_USER=%s", s->user) < 0 ||
            asprintf(&a, "HAGW_ADDRESS=%s", address) < 0 || asprintf(&h, "HAGW_HOST=%s", q->host) < 0 ||
            asprintf(&id, "HAGW_SESSION=%s", s->id) < 0)
                return;
        log_fields(LOG_INFO, message, (const char *const[]) { e, u, a, h, id, NULL });
}

/* "203.0.113.0/24" */
static const char *network_text(const Refusal *f, char *out, size_t size) {
        char address[IP_TEXT_MAX];

        if (f->network.address.family == AF_UNSPEC)
                return "many networks";
        (void) snprintf(out, size, "%s/%u", ip_format(&f->network.address, address), f->network.prefix);
        return out;
}

static void tell(const Refusal *f) {
        char message[sizeof(f->host) + sizeof(f->account) + 192], user[sizeof(f->account) + 16],
                address[IP_TEXT_MAX + 16], network[IP_TEXT_MAX + 24], host[sizeof(f->host) + 16], wrong[32],
                early[32], text[IP_TEXT_MAX], range[IP_TEXT_MAX + 8];
        const char *from = network_text(f, range, sizeof(range));
        const unsigned all = f->untold.wrong + f->untold.early;

        (void) ip_format(&f->address, text);
        if (all == 1)
                (void) snprintf(message, sizeof(message), "login-refused at %s: %s from %s%s", f->host,
                                f->account[0] ? f->account : "an unknown user", text,
                                f->untold.early ? ", too soon after others" : "");
        else
                (void) snprintf(message, sizeof(message),
                                "login-refused %u times: %s from %s (%u wrong, %u too soon after others), "
                                "the last from %s at %s",
                                all, f->account[0] ? f->account : "unknown users", from, f->untold.wrong,
                                f->untold.early, text, f->host);
        (void) snprintf(user, sizeof(user), "HAGW_USER=%s", f->account);
        (void) snprintf(address, sizeof(address), "HAGW_ADDRESS=%s", text);
        (void) snprintf(network, sizeof(network), "HAGW_NETWORK=%s", from);
        (void) snprintf(host, sizeof(host), "HAGW_HOST=%s", f->host);
        (void) snprintf(wrong, sizeof(wrong), "HAGW_WRONG=%u", f->untold.wrong);
        (void) snprintf(early, sizeof(early), "HAGW_EARLY=%u", f->untold.early);
        const char *fields[] = {
                "HAGW_EVENT=login-refused", user, address, network, host, wrong, early, NULL,
        };
        log_fields(LOG_NOTICE, message, fields);
}

static void tell_due(Audit *a, uint64_t now_usec) {
        uint64_t due;
        Refusal *f;

        while ((f = refusals_next(&a->refusals, now_usec))) {
                tell(f);
                refusal_told(f, clock_usec(CLOCK_MONOTONIC));
        }
        due = refusals_due_usec(&a->refusals);
        (void) sd_event_source_set_time(a->due, due);
        (void) sd_event_source_set_enabled(a->due, due == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        tell_due(userdata, clock_usec(CLOCK_MONOTONIC));
        return 0;
}

void audit_refusal(Request *q, const char *user, bool early) {
        Audit *a = &q->manager->audit;
        const uint64_t now = clock_usec(CLOCK_MONOTONIC);
        int r;

        r = refusals_add(&a->refusals, user, &q->address, q->host, early, now);
        if (r < 0)
                (void) log_warning_errno(r, "Could not count a refused login: %m");
        else
                tell_due(a, now);
}

int audit_new(Audit *a, sd_event *event) {
        int r;

        r = sd_event_add_time(event, &a->due, CLOCK_MONOTONIC, USEC_INFINITY, USEC_PER_SEC, on_due, a);
        return r < 0 ? r : sd_event_source_set_enabled(a->due, SD_EVENT_OFF);
}

void audit_done(Audit *a) {
        /* What is held back would be lost. */
        if (a->due)
                tell_due(a, USEC_INFINITY);
        sd_event_source_disable_unref(a->due);
        refusals_done(&a->refusals);
}
