/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's figures, a row each. */

#include "hagw-dnsd/manager.h"

static int append_rcodes(const Manager *m, sd_json_variant **metrics) {
        int r;

        for (size_t i = 0; i < _DNS_RCODE_MAX; i++) {
                const char *name = message_rcode_name((unsigned) i);
                if (!name)
                        continue;
                r = metrics_append(metrics, "dns_responses", true, "DNS answers by result",
                                   (double) m->source.stats.rcodes[i],
                                   (const char *const[]) { "rcode", name, NULL });
                if (r < 0)
                        return r;
        }
        return 0;
}

int manager_metrics(sd_json_variant **metrics, void *userdata) {
        const Manager *m = userdata;
        const struct AnswerStats *s = &m->source.stats;
        const TcpStats tcp = tcp_server_stats(m->tcp);
        const ListenersCount sockets = listeners_count(m->listeners);
        const struct {
                const char *name;
                bool counter;
                const char *help;
                double value;
                const char *labels[3];
        } rows[] = {
#define COUNTER(name, help, value, ...) { name, true, help, (double) (value), { __VA_ARGS__ } }
#define GAUGE(name, help, value) { name, false, help, (double) (value), {} }
                COUNTER("dns_queries", "DNS queries that could be read", s->queries[0], "transport", "udp"),
                COUNTER("dns_queries", "DNS queries that could be read", s->queries[1], "transport", "tcp"),
                COUNTER("dns_ignored", "datagrams and frames that were no query", s->ignored),
                COUNTER("dns_truncated", "answers cut short, to be asked for by TCP", s->truncated),
                COUNTER("dns_limited", "queries over the rate limit", s->limited[0], "action", "dropped"),
                COUNTER("dns_limited", "queries over the rate limit", s->limited[1], "action", "shortened"),
                COUNTER("dns_cookies", "queries with a valid cookie", s->cookies),
                COUNTER("dns_unsent", "UDP answers that the kernel did not take", udp_server_unsent(m->udp)),
                COUNTER("dns_dropped", "UDP queries that found the buffer full", udp_server_dropped(m->udp)),
                GAUGE("dns_tcp_clients", "TCP clients now", tcp.clients),
                COUNTER("dns_tcp_accepted", "TCP clients that came", tcp.accepted),
                COUNTER("dns_tcp_ended", "TCP clients that were sent away", tcp.evicted, "reason", "full"),
                COUNTER("dns_tcp_ended", "TCP clients that were sent away", tcp.timed_out, "reason", "idle"),
                GAUGE("dns_listeners", "sockets at this machine's addresses", sockets.open),
                GAUGE("dns_listeners_failed", "sockets that could not be opened", sockets.failed),
                GAUGE("dns_overlay_values", "published TXT values", m->source.overlay->n),
                GAUGE("dns_accounts", "tenants with a CAA record of their own",
                      m->source.accounts ? m->source.accounts->table.n : 0),
                GAUGE("dns_zones", "zones", m->source.n_zones),
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                r = metrics_append(metrics, rows[i].name, rows[i].counter, rows[i].help, rows[i].value,
                                   rows[i].labels);
                if (r < 0)
                        return r;
        }
        return append_rcodes(m, metrics);
}
