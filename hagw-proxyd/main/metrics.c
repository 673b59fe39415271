/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The proxy's figures: each worker counts for itself, here they are added up. Main thread only. */

#include "hagw-proxyd/h2/h2.h"
#include "hagw-proxyd/main/manager.h"

static void read_outer(const HostCounters *c, OuterReading *newest) {
        for (OuterKind kind = 0; kind < _OUTER_KIND_MAX; kind++)
                for (unsigned asks = 0; asks < 2; asks++) {
                        uint64_t usec =
                                atomic_load_explicit(&c->outer_usec[kind][asks], memory_order_relaxed);

                        if (usec > newest->usec)
                                *newest = (OuterReading) { usec, kind, asks };
                }
}

/* What was found has become untrue since, by what visitors met. */
static bool is_over(const HostStats *s, const HostReading *sum) {
        switch (finding_end(s->finding)) {
        case FINDING_ENDS_WITH_ANSWER:
                return sum->ok_usec >= s->tried_usec;
        case FINDING_ENDS_WITH_GOOD:
                return sum->good_usec >= s->tried_usec;
        default:
                return false;
        }
}

HostReading host_stats_read(const HostStats *s) {
        HostReading sum = {};
        uint64_t bare_usec = 0;

        for (unsigned i = 0; i < s->n_workers; i++) {
                const HostCounters *c = &s->workers[i];
                uint64_t ok_usec = atomic_load_explicit(&c->ok_usec, memory_order_relaxed);

                sum.requests += atomic_load_explicit(&s->visits->workers[i].requests, memory_order_relaxed);
                sum.active += atomic_load_explicit(&s->visits->workers[i].active, memory_order_relaxed);
                sum.ok_usec = MAX(sum.ok_usec, ok_usec);
                sum.good_usec =
                        MAX(sum.good_usec, atomic_load_explicit(&c->good_usec, memory_order_relaxed));
                bare_usec = MAX(bare_usec, atomic_load_explicit(&c->bare_usec, memory_order_relaxed));
                read_outer(c, &sum.outer);
        }
        /* A gateway in front that asks is no use where there is a way past it. */
        if (bare_usec >= sum.outer.usec)
                sum.outer = (OuterReading) {};
        sum.inner = host_stats_inner(s, &sum.inner_usec);
        sum.found = s->finding != FINDING_NONE && !is_over(s, &sum);
        sum.status = s->tried_usec > sum.good_usec ? s->status : 0;
        /* A head that came, and its body that broke, may be of one turn of the loop. */
        sum.failing = sum.found || (s->error && s->error_usec >= sum.ok_usec);
        return sum;
}

#define ROW(name_, counter_, help_, field) { name_, counter_, help_, false, offsetof(Figures, field) }
#define CREW(name_, counter_, help_, field) { name_, counter_, help_, true, offsetof(WorkerCounters, field) }

static const struct {
        const char *name;
        bool counter;
        const char *help;
        bool crew; /* of WorkerCounters, else of Figures */
        size_t offset;
} rows[] = {
        CREW("proxy_connections", false, "Visitors' connections open now", connections),
        ROW("proxy_accepted", true, "Visitors' connections accepted", accepted),
        ROW("proxy_crowded", true, "Visitors' connections closed because their address had too many",
            crowded),
        ROW("proxy_evicted", true, "Visitors whose connections were closed to make room for others",
            evicted),
        ROW("proxy_refused", true, "Connections closed without an answer before the handshake", refused),
        ROW("proxy_hidden", true,
            "Visitors not taken for the house's own because their address may stand for anybody", hidden),
        ROW("proxy_handshakes", true, "TLS handshakes completed", handshakes),
        ROW("proxy_resumed", true, "TLS handshakes that resumed a session", resumed),
        ROW("proxy_failed_handshakes", true, "TLS handshakes that failed", failed_handshakes),
        CREW("proxy_handshakes_waiting", false, "TLS handshakes that wait for their turn",
             handshakes_waiting),
        CREW("proxy_handshakes_signing", false, "TLS handshakes that wait for their signature",
             handshakes_signing),
        CREW("proxy_handshakes_signed", true, "Signatures asked for", handshakes_signed),
        ROW("proxy_http2", true, "Connections in HTTP/2", http2),
        ROW("proxy_http2_calmed", true, "Those of them ended because they cost more than they asked for",
            http2_calmed),
        ROW("proxy_http2_waited", true,
            "Requests in HTTP/2 that waited because their address had too many under way", http2_waited),
        ROW("proxy_http2_crowded", true, "Those of them refused because they waited for too long",
            http2_crowded),
        ROW("proxy_requests", true, "Requests", requests),
        ROW("proxy_upgrades", true, "WebSockets opened", upgrades),
        ROW("proxy_compressed", true, "Answers compressed", compressed),
        ROW("proxy_compressed_from_bytes", true, "Bytes of them as services sent them", compressed_from),
        ROW("proxy_compressed_to_bytes", true, "Bytes of them as visitors got them", compressed_to),
        ROW("proxy_compress_crowded", true,
            "Answers sent as they were because too many were being compressed", compress_crowded),
        CREW("proxy_passages", true, "Visitors passed on unopened", passages),
        CREW("proxy_passages_open", false, "Visitors being passed on unopened now", passages_open),
        CREW("proxy_passage_received_bytes", true, "Bytes from visitors passed on unopened",
            passage_received),
        CREW("proxy_passage_sent_bytes", true, "Bytes to visitors passed on unopened", passage_sent),
        ROW("proxy_upstream_connects", true, "Connections to upstreams begun", upstream_connects),
        ROW("proxy_upstream_reuses", true, "Requests sent on a waiting upstream connection",
            upstream_reuses),
        ROW("proxy_retries", true, "Requests sent again after a waiting connection had gone stale", retries),
        ROW("proxy_relay_attached", false, "Agents attached here", attached),
        ROW("proxy_relay_channels", false, "Channels that wait here for a visitor", channels),
        CREW("proxy_relay_waiting", false, "Visitors who wait here for a channel, or for their house",
            waiting),
        ROW("proxy_relay_channels_refused", true, "Channels closed because their hello was not right",
            channels_refused),
        ROW("proxy_agent_attached", false, "1 while this house is attached to its relay", agent_attached),
        ROW("proxy_agent_attempts", true, "Attempts to attach to the relay", agent_attempts),
        ROW("proxy_agent_waiting", false, "Channels that wait at the relay for a visitor", agent_waiting),
        ROW("proxy_agent_visits", true, "Visitors who came through the relay", agent_visits),
        ROW("proxy_agent_visits_ended", true, "Those of them who have gone", agent_visits_ended),
        ROW("proxy_agent_rejected", true, "Channels closed because their header was not the relay's",
            agent_rejected),
        ROW("proxy_agent_received_bytes", true, "Bytes from visitors who came through the relay",
            agent_bytes.received),
        ROW("proxy_agent_sent_bytes", true, "Bytes to them", agent_bytes.sent),
        CREW("proxy_log_dropped", true, "Access log entries lost because the journal was too slow",
            log_dropped),
};

static uint64_t read_at(const void *counters, size_t offset) {
        const void *at = (const char *) counters + offset;

        return atomic_load_explicit((const _Atomic uint64_t *) at, memory_order_relaxed);
}

/* Of Figures. */
static uint64_t sum_of(const Manager *m, size_t offset) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < m->n_workers; i++)
                sum += read_at(m->workers[i]->figures, offset);
        return sum;
}

static uint64_t sum_of_crew(const Manager *m, size_t offset) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < m->n_workers; i++)
                sum += read_at(&m->workers[i]->counters, offset);
        return sum;
}

static int append_answers(const Manager *m, sd_json_variant **metrics) {
        static const char *const classes[] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(classes) && r >= 0; i++)
                r = metrics_append(
                        metrics, "proxy_answers", true, "Answers to visitors by status",
                        (double) sum_of(m, offsetof(Figures, answers) + i * sizeof(_Atomic uint64_t)),
                        (const char *const[]) { "class", classes[i], NULL });
        return r;
}

static int append_outside(const Manager *m, sd_json_variant **metrics) {
        int r = 0;

        for (OutsideWay way = 0; way < _OUTSIDE_WAY_MAX && r >= 0; way++)
                r = metrics_append(
                        metrics, "proxy_outside", true, "Connections from the internet",
                        (double) sum_of(m,
                                        offsetof(Figures, outside) + way * sizeof(_Atomic uint64_t)),
                        (const char *const[]) { "family", outside_family(way), "door", outside_door(way),
                                                NULL });
        return r;
}

static int append_troubles(const Manager *m, sd_json_variant **metrics) {
        int r = 0;

        for (H2Trouble t = 0; t < _H2_TROUBLE_MAX && r >= 0; t++)
                r = metrics_append(metrics, "proxy_http2_troubles", true,
                                   "What costs more than it asks for, in HTTP/2",
                                   (double) sum_of(m, offsetof(Figures, http2_troubles) +
                                                              t * sizeof(_Atomic uint64_t)),
                                   (const char *const[]) { "kind", h2_trouble_name(t), NULL });
        return r;
}

static int append_refusals(const Manager *m, sd_json_variant **metrics) {
        int r = 0;

        for (Refusal reason = REFUSAL_NONE + 1; reason < _REFUSAL_MAX && r >= 0; reason++)
                r = metrics_append(metrics, "proxy_relay_refused", true, "Visitors of tenants refused here",
                                   (double) sum_of(m, offsetof(Figures, refusals) +
                                                              reason * sizeof(_Atomic uint64_t)),
                                   (const char *const[]) { "reason", refusal_name(reason), NULL });
        return r;
}

int manager_metrics(sd_json_variant **metrics, void *userdata) {
        const Manager *m = userdata;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(rows) && r >= 0; i++)
                r = metrics_append(metrics, rows[i].name, rows[i].counter, rows[i].help,
                                   (double) (rows[i].crew ? sum_of_crew : sum_of)(m, rows[i].offset), NULL);
        if (r >= 0)
                r = append_answers(m, metrics);
        if (r >= 0)
                r = append_outside(m, metrics);
        if (r >= 0)
                r = append_refusals(m, metrics);
        if (r >= 0)
                r = append_troubles(m, metrics);
        for (size_t i = 0; i < m->snapshot->routes->n_routes && r >= 0; i++) {
                HostReading now = host_stats_read(m->snapshot->hosts[i].stats);
                const char *labels[] = { "host", m->snapshot->hosts[i].stats->name, NULL };

                r = metrics_append(metrics, "proxy_host_requests", true, "Requests by host",
                                   (double) now.requests, labels);
                if (r >= 0)
                        r = metrics_append(metrics, "proxy_host_active", false,
                                           "Requests and WebSockets under way by host", (double) now.active,
                                           labels);
                if (r >= 0)
                        r = metrics_append(metrics, "proxy_host_failing", false,
                                           "1 while visitors do not get through to the host's service",
                                           now.failing, labels);
        }
        return r;
}
