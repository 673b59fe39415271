/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's figures, a row each. */

#include "manager.h"

static int append_rcodes(const Manager *m, sd_json_variant **metrics) {
        int r;

        for (size_t i = 0; i < _DNS_RCODE_MAX; i++) {
                const char *name = message_rcode_name((unsigned) i);
                if (!name)
                        continue;
                r = metrics_append(metrics, "dns_responses", true, "DNS answers by result", (double) m->source.stats.rcodes[i],
                                   (const char *const[]) { "rcode", name, NULL });
                if (r < 0)
                        return r;
        }
        return 0;
}

int manager_metrics(Manager *m, sd_json_variant **metrics) {
        const struct AnswerStats *s = &m->source.stats;
        const TcpStats tcp = tcp_server_stats(m->tcp);
        const struct {
                const char *name;
                bool counter;
                const char *help;
                double value;
                const char *labels[3];
        } rows[] = {
                { "dns_queries", true, "DNS queries that could be read as such", (double) s->queries[0], { "transport", "udp" } },
                { "dns_queries", true, "DNS queries that could be read as such", (double) s->queries[1], { "transport", "tcp" } },
                { "dns_ignored", true, "datagrams and frames that were no query", (double) s->ignored },
                { "dns_truncated", true, "answers cut short, to be asked for by TCP", (double) s->truncated },
                { "dns_limited", true, "queries over the rate limit", (double) s->limited[0], { "action", "dropped" } },
                { "dns_limited", true, "queries over the rate limit", (double) s->limited[1], { "action", "shortened" } },
                { "dns_cookies", true, "queries with a valid cookie", (double) s->cookies },
                { "dns_unsent", true, "UDP answers that the kernel did not take", (double) udp_server_unsent(m->udp) },
                { "dns_dropped", true, "UDP queries that the kernel threw away, its buffer being full", (double) udp_server_dropped(m->udp) },
                { "dns_tcp_clients", false, "TCP clients now", tcp.clients },
                { "dns_tcp_accepted", true, "TCP clients that came", (double) tcp.accepted },
                { "dns_tcp_ended", true, "TCP clients that were sent away", (double) tcp.evicted, { "reason", "full" } },
                { "dns_tcp_ended", true, "TCP clients that were sent away", (double) tcp.timed_out, { "reason", "idle" } },
                { "dns_overlay_values", false, "published TXT values", (double) m->source.overlay->n },
                { "dns_zones", false, "zones", (double) m->source.n_zones },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                r = metrics_append(metrics, rows[i].name, rows[i].counter, rows[i].help, rows[i].value, rows[i].labels);
                if (r < 0)
                        return r;
        }
        return append_rcodes(m, metrics);
}
