/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When each host is tried: proxy.probe_interval after its last trial or the last visitor who got through,
 * sooner while something is wrong, and at once for who looks at the status. The times are spread, so that
 * not all of a house's hosts, nor all houses of a town after a power failure, ask at once. */

#include <sys/random.h>

#include "hagw-proxyd/main/manager.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

struct RoundsWaiter {
        RoundsWaiter *next;
        Rounds *rounds;
        sd_event_source *timer;
        RoundsHandler handler;
        void *userdata;
};

static uint64_t spread(uint64_t usec) {
        uint32_t chance = 0;

        (void) !getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
        return usec + usec / ROUNDS_JITTER_PARTS * (chance % 1024) / 1024;
}

static uint64_t now_usec(void) {
        return clock_usec(CLOCK_MONOTONIC);
}

uint64_t rounds_again_usec(unsigned n, uint64_t interval_usec) {
        uint64_t usec = ROUNDS_AGAIN_USEC;

        for (unsigned i = 1; i < n && usec < ROUNDS_AGAIN_MAX_USEC; i++)
                usec *= 2;
        return MIN(MIN(usec, ROUNDS_AGAIN_MAX_USEC), interval_usec);
}

/* How a tenant's house is, is its owner's business, but for whether it still refuses what somebody
 * tried. And what is tried now has its next time afterwards. */
static HostStats *tried_stats(const Rounds *r, size_t i) {
        const Snapshot *s = r->manager->snapshot;
        const Route *route = &s->routes->routes[i];
        HostStats *stats = snapshot_host(s, route)->stats;

        if (route->host.upstream_kind == CONF_UPSTREAM_TENANT && stats->finding == FINDING_NONE)
                return NULL;
        return stats->trying ? NULL : stats;
}

static void waiter_finish(RoundsWaiter *w) {
        for (RoundsWaiter **i = &w->rounds->waiters; *i; i = &(*i)->next)
                if (*i == w) {
                        *i = w->next;
                        break;
                }
        sd_event_source_disable_unref(w->timer);
        w->handler(w->userdata);
        free(w);
}

/* A host that a reload took away, or that has become a tenant's business, is not waited for. */
static bool is_asked(const Rounds *r) {
        for (size_t i = 0; i < r->manager->snapshot->routes->n_routes; i++) {
                const HostStats *s = r->manager->snapshot->hosts[i].stats;

                if (s->asked && (s->trying || tried_stats(r, i)))
                        return true;
        }
        return false;
}

static void tell_waiters(Rounds *r) {
        while (r->waiters && !is_asked(r))
                waiter_finish(r->waiters);
}

static void on_tried(const char *name, const ProbeResult *visitor, void *userdata);

/* A visitor who got through in the meantime has tried it for us. */
static bool is_due(const Rounds *r, HostStats *s, uint64_t now) {
        uint64_t good = host_stats_read(s).good_usec;

        if (s->due_usec > now)
                return false;
        if (s->asked || s->finding != FINDING_NONE || good == 0 || good + r->interval_usec <= now)
                return true;
        s->due_usec = spread(good + r->interval_usec - now) + now;
        return false;
}

static void rounds_try(Rounds *r, size_t i, HostStats *s) {
        const char *name = r->manager->snapshot->routes->routes[i].host.name;

        if (trial_new(r->manager, name, on_tried, r) < 0) {
                s->due_usec = now_usec() + ROUNDS_AGAIN_USEC;
                s->asked = false;
                return;
        }
        s->trying = true;
        r->n_trials++;
}

/* Tries what is due, and sleeps until the next one is. */
static void try_due(Rounds *r) {
        uint64_t now = now_usec(), next = UINT64_MAX;

        if (!r->timer || r->interval_usec == 0)
                return;
        for (size_t i = 0; i < r->manager->snapshot->routes->n_routes; i++) {
                HostStats *s = tried_stats(r, i);

                if (!s)
                        continue;
                if (s->due_usec == 0)
                        s->due_usec = now + spread(MIN(r->interval_usec, ROUNDS_FIRST_USEC));
                if (is_due(r, s, now)) {
                        if (r->n_trials >= (r->waiters ? ROUNDS_ASKED_MAX : ROUNDS_TRIALS_MAX))
                                return; /* the end of one of these looks again */
                        rounds_try(r, i, s);
                }
                if (!s->trying)
                        next = MIN(next, s->due_usec);
        }
        if (next == UINT64_MAX)
                return;
        if (sd_event_source_set_time(r->timer, MAX(next, now + USEC_PER_MSEC)) < 0 ||
            sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT) < 0)
                (void) log_oom();
}

/* Who waits for what cannot be tried waits for nothing. */
static void rounds_look(Rounds *r) {
        try_due(r);
        tell_waiters(r);
}

static void on_tried(const char *name, const ProbeResult *visitor, void *userdata) {
        Rounds *r = userdata;
        const Snapshot *snapshot = r->manager->snapshot;
        const Route *route = route_find_host(snapshot->routes, name);

        if (route) {
                HostStats *s = snapshot_host(snapshot, route)->stats;

                s->trying = s->asked = false;
                s->due_usec = now_usec() + spread(s->finding == FINDING_NONE ?
                                                          r->interval_usec :
                                                          rounds_again_usec(s->n_found, r->interval_usec));
        }
        r->n_trials--;
        rounds_look(r);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        rounds_look(userdata);
        return 0;
}

int rounds_start(Rounds *r, Manager *m, uint64_t interval_usec) {
        int k;

        *r = (Rounds) { .manager = m, .interval_usec = interval_usec };
        k = sd_event_add_time(m->event, &r->timer, CLOCK_MONOTONIC, UINT64_MAX, 100 * USEC_PER_MSEC,
                              on_timer, r);
        if (k < 0)
                return k;
        rounds_look(r);
        return 0;
}

void rounds_set(Rounds *r, uint64_t interval_usec) {
        uint64_t now = now_usec();

        r->interval_usec = interval_usec;
        for (size_t i = 0; i < r->manager->snapshot->routes->n_routes; i++) {
                HostStats *s = r->manager->snapshot->hosts[i].stats;

                if (s->finding != FINDING_NONE)
                        s->due_usec = now + spread(ROUNDS_SOON_USEC);
                else
                        s->due_usec = MIN(s->due_usec, now + spread(interval_usec));
        }
        rounds_look(r);
}

/* What a trial did not find, the next one hardly will: what visitors meet again and again brings no more
 * than one a minute. */
void rounds_on_failure(Rounds *r, HostStats *s) {
        const uint64_t again = s->n_found > 0 ? rounds_again_usec(s->n_found, r->interval_usec) :
                                                MIN(ROUNDS_AGAIN_MAX_USEC, r->interval_usec);
        const uint64_t due = MAX(s->tried_usec + again, now_usec() + ROUNDS_SOON_USEC);

        if (s->trying || s->due_usec <= due)
                return;
        s->due_usec = due;
        rounds_look(r);
}

static int on_wait_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        waiter_finish(userdata);
        return 0;
}

/* What is known of it has come to us lately. Who mends something looks at once whether that helped. */
static bool is_fresh(const HostStats *s, uint64_t now) {
        const HostReading reading = host_stats_read(s);
        const uint64_t last = MAX(s->tried_usec, reading.good_usec);

        return last > 0 && last >= s->error_usec &&
               last + (reading.failing ? ROUNDS_SOON_USEC : ROUNDS_FRESH_USEC) > now;
}

/* Whether anything is to be waited for. */
static bool ask_all(Rounds *r) {
        uint64_t now = now_usec();
        bool any = false;

        for (size_t i = 0; i < r->manager->snapshot->routes->n_routes; i++) {
                HostStats *s = r->manager->snapshot->hosts[i].stats;

                if (!s->trying && (!tried_stats(r, i) || is_fresh(s, now)))
                        continue;
                s->asked = any = true;
                if (!s->trying)
                        s->due_usec = now;
        }
        return any;
}

bool rounds_ask(Rounds *r, RoundsHandler handler, void *userdata) {
        _cleanup_free_ RoundsWaiter *w = NULL;
        unsigned n = 0;

        for (const RoundsWaiter *i = r->waiters; i; i = i->next)
                n++;
        if (!r->timer || r->interval_usec == 0 || n >= ROUNDS_WAITERS_MAX)
                return false;
        w = malloc(sizeof(*w));
        if (!w)
                return false;
        *w = (RoundsWaiter) { .rounds = r, .handler = handler, .userdata = userdata };
        if (sd_event_add_time_relative(r->manager->event, &w->timer, CLOCK_MONOTONIC, ROUNDS_WAIT_USEC,
                                       100 * USEC_PER_MSEC, on_wait_timer, w) < 0)
                return false;
        if (!ask_all(r)) {
                sd_event_source_disable_unref(w->timer);
                return false;
        }
        w->next = r->waiters;
        r->waiters = TAKE_PTR(w);
        rounds_look(r);
        return true;
}

void rounds_done(Rounds *r) {
        r->timer = sd_event_source_disable_unref(r->timer);
        while (r->waiters)
                waiter_finish(r->waiters);
}
