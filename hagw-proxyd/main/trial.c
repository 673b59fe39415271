/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trials. A host that a reload took away, or gave another service, ends its trial without a finding. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/door/listen.h"
#include "hagw-proxyd/main/manager.h"
#include "hagw-proxyd/relay/relay.h"
#include "libhagw/log.h"
#include "libhagw/net/ownaddress.h"
#include "libhagw/usec.h"

struct Trial {
        Trial *next;
        Manager *manager;
        char name[HOSTNAME_MAX + 3];
        HostStats *stats; /* with a reference */
        uint64_t begin_usec;
        TrialHandler handler;
        void *userdata;
        ProbeKind kind; /* of the probe under way */
        Trail trail;    /* of the pages that it has been led to */
        ProbeResult results[_PROBE_KIND_MAX];
};

static const Route *trial_route(const Trial *t) {
        const Snapshot *s = t->manager->snapshot;
        const Route *route = route_find_host(s->routes, t->name);

        return route && snapshot_host(s, route)->stats == t->stats ? route : NULL;
}

/* A tenant's channels are at its home only. */
static Worker *home_of(const Manager *m, const Route *route) {
        return route->host.upstream_kind == CONF_UPSTREAM_TENANT ?
                       tenants_home(m->workers[0], route->host.upstream_host) :
                       m->workers[0];
}

static void trial_finish(Trial *t, bool known) {
        for (Trial **i = &t->manager->trials; *i; i = &(*i)->next)
                if (*i == t) {
                        *i = t->next;
                        break;
                }
        t->handler(t->name, known ? &t->results[PROBE_VISITOR] : NULL, t->userdata);
        host_stats_unref(t->stats);
        free(t);
}

static void log_change(const HostStats *s, const char *text) {
        if (text)
                log_warning("%s: visitors do not get through: %s", s->name, text);
        else if (s->finding_text)
                log_notice("%s: visitors get through again.", s->name);
}

/* The sentence is made anew each time: this machine's address may be another. */
static int take_finding(const Trial *t, const Route *route, Finding f) {
        HostStats *s = t->stats;
        FindingFacts facts = {
                .host = &route->host,
                .tenants_zone = t->manager->snapshot->routes->tenants_zone,
                .authority = route_own_name(route),
                .visitor = &t->results[PROBE_VISITOR],
                .led = t->results[PROBE_BROWSER].led_text,
        };
        char *text = NULL;
        int r;

        facts.own = own_address_towards(&facts.visitor->peer);
        if (f != FINDING_NONE) {
                r = finding_text(f, &facts, &text);
                if (r < 0)
                        return r;
        }
        s->tried_usec = clock_usec(CLOCK_MONOTONIC);
        s->status = facts.visitor->answered ? facts.visitor->status : 0;
        if (s->finding != f) {
                log_change(s, text);
                s->found_usec = s->tried_usec;
        }
        s->finding = f;
        s->n_found = f == FINDING_NONE ? 0 : s->n_found + 1;
        free(s->finding_text);
        s->finding_text = text;
        if (f != FINDING_NONE)
                rounds_on_failure(&t->manager->rounds, s);
        return 0;
}

static void on_probed(const ProbeResult *result, const Trail *trail, void *userdata);

static int trial_ask(Trial *t, const Route *route) {
        uint64_t now = clock_usec(CLOCK_MONOTONIC), end = t->begin_usec + TRIAL_USEC;

        if (now >= end)
                return -ETIMEDOUT;
        return probe_new(&t->manager->probes, t->manager->event, home_of(t->manager, route), t->name,
                         t->kind, &t->trail, MIN(PROBE_TIMEOUT_USEC, end - now), on_probed, t);
}

/* The next probe, or the end. */
static void trial_go_on(Trial *t) {
        const Route *route = trial_route(t);
        int r = -ENOENT;

        if (route)
                r = finding_judge(t->results, &route->host, &t->kind);
        if (r == -EAGAIN) {
                trail_begin(&t->trail);
                r = trial_ask(t, route);
                if (r >= 0)
                        return;
        } else if (r >= 0)
                r = take_finding(t, route, (Finding) r);
        trial_finish(t, r >= 0);
}

/* Each visitor would come back as the next one. */
static bool is_ourselves(const IpAddress *peer, uint16_t port) {
        static const char *const doors[] = { "https", "http" };
        int fds[LISTEN_MAX];

        for (size_t i = 0; i < ELEMENTSOF(doors); i++) {
                const int n = daemon_listen_fds(doors[i], fds, LISTEN_MAX);

                for (int k = 0; k < MIN(n, (int) LISTEN_MAX); k++)
                        if (is_own_door(fds[k], peer, port))
                                return true;
        }
        return false;
}

/* Its router's. Where this machine has the address itself, a service may be at it. */
static bool is_published(const Manager *m, const IpAddress *peer) {
        for (size_t i = 0; i < ELEMENTSOF(m->published); i++)
                if (peer->family != AF_UNSPEC && ip_equal(&m->published[i], peer))
                        return !is_own_address(peer);
        return false;
}

/* The first page is what is judged; of those that it leads to only where they lead. */
static void take_result(Trial *t, const ProbeResult *result) {
        ProbeResult *r = &t->results[t->kind];

        if (t->trail.n == 1)
                *r = *result;
        r->led = result->led;
        memcpy(r->led_text, result->led_text, sizeof(r->led_text));
        if (t->kind != PROBE_VISITOR || t->trail.n > 1 || !trial_route(t))
                return;
        r->itself = is_ourselves(&result->peer, trial_route(t)->host.upstream_port);
        r->published = is_published(t->manager, &result->peer);
}

static bool is_followed(ProbeKind kind) { return kind == PROBE_VISITOR || kind == PROBE_BROWSER; }

static void on_probed(const ProbeResult *result, const Trail *trail, void *userdata) {
        Trial *t = userdata;

        if (!result || !result->asked) {
                trial_finish(t, /* known= */ false);
                return;
        }
        take_result(t, result);
        if (result->led == LED_ON) {
                t->trail = *trail;
                if (is_followed(t->kind) && trial_route(t) && trial_ask(t, trial_route(t)) >= 0)
                        return;
                t->results[t->kind].led = LED_NONE;
        }
        trial_go_on(t);
}

int trial_new(Manager *m, const char *name, TrialHandler handler, void *userdata) {
        const Route *route = route_find_host(m->snapshot->routes, name);
        Trial *t;
        int r;

        if (!route)
                return -ENOENT;
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (Trial) { .manager = m,
                       .stats = host_stats_ref(snapshot_host(m->snapshot, route)->stats),
                       .begin_usec = clock_usec(CLOCK_MONOTONIC),
                       .handler = handler,
                       .userdata = userdata,
                       .kind = PROBE_VISITOR };
        (void) snprintf(t->name, sizeof(t->name), "%s", name);
        trail_begin(&t->trail);
        r = trial_ask(t, route);
        if (r < 0) {
                host_stats_unref(t->stats);
                free(t);
                return r;
        }
        t->next = m->trials;
        m->trials = t;
        return 0;
}
