/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The main thread. */

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <sched.h>
#include <systemd/sd-daemon.h>

#include "hagw-proxyd/door/door.h"
#include "hagw-proxyd/main/manager.h"
#include "hagw-proxyd/main/rooms.h"
#include "hagw-proxyd/relay/relay.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/log.h"
#include "libhagw/net/tls-psk.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

/* Returns to how many workers. */
static unsigned broadcast(Manager *m, const MessageKind *kind) {
        unsigned n = 0;

        for (unsigned i = 0; i < m->n_workers; i++) {
                Message *q = message_new(kind);

                if (q) {
                        worker_send(m->workers[i], q);
                        n++;
                } else
                        (void) log_oom();
        }
        return n;
}

/* None before the door opens. */
static void broadcast_snapshot(Manager *m) {
        if (m->news != _MANAGER_NEWS_ALL)
                return;
        for (unsigned i = 0; i < m->n_workers; i++) {
                SnapshotMessage *s = message_new(&snapshot_message);

                if (!s) {
                        (void) log_oom();
                        continue;
                }
                s->snapshot = snapshot_ref(m->snapshot);
                worker_send(m->workers[i], &s->message);
        }
        m->n_settling += broadcast(m, &settled_message);
}

void manager_heard(Manager *m, ManagerNews news) {
        if ((m->news & news) == news)
                return;
        m->news |= news;
        broadcast_snapshot(m);
        if (m->news == _MANAGER_NEWS_ALL)
                broadcast(m, &open_message);
}

static void set_snapshot(Manager *m, Snapshot *s) {
        s->hops = m->hops;
        snapshot_unref(m->snapshot);
        m->snapshot = s;
        broadcast_snapshot(m);
}

static void set_status(Manager *m) {
        const RouteTable *routes = m->snapshot->routes;
        size_t n = 0, certified = 0, passed = 0;

        for (size_t i = 0; i < routes->n_routes; i++) {
                const ConfHost *host = &routes->routes[i].host;

                if (&routes->routes[i] == routes->opened)
                        continue; /* nobody has made it */
                n++;
                if (host->upstream_kind == CONF_UPSTREAM_TCP)
                        passed++;
                else
                        certified += !!snapshot_find_certificate(m->snapshot, host->name);
        }
        if (passed > 0)
                daemon_set_status(m->daemon,
                                  "%zu %s, %zu with a certificate, %zu passed unopened; %u %s", n,
                                  PLURAL(n, "host"), certified, passed, m->n_workers,
                                  PLURAL(m->n_workers, "worker"));
        else
                daemon_set_status(m->daemon, "%zu %s, %zu with a certificate; %u %s", n,
                                  PLURAL(n, "host"), certified, m->n_workers,
                                  PLURAL(m->n_workers, "worker"));
}

void manager_renew_snapshot(Manager *m) {
        Snapshot *s;

        if (snapshot_renew(m->snapshot, m->certificates, m->n_certificates, m->ticket_secret, &s) < 0) {
                (void) log_oom();
                return;
        }
        set_snapshot(m, s);
        set_status(m);
}

static int on_queue(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        manager_serve_queue(userdata, /* stopping= */ false);
        return 0;
}

static int on_ticket_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        if (gnutls_rnd(GNUTLS_RND_KEY, m->ticket_secret, sizeof(m->ticket_secret)) >= 0)
                manager_renew_snapshot(m);
        (void) sd_event_source_set_time_relative(s, m->ticket_usec);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int on_open_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        if (m->n_certificates == 0)
                log_info("No word from hagw-acmed yet; visitors who come find nobody until there is a "
                         "certificate.");
        if (!(m->news & MANAGER_TENANTS))
                log_info("No word from hagw-tenantd yet; houses and their visitors who come find nobody "
                         "until there is.");
        manager_heard(m, _MANAGER_NEWS_ALL);
        return 0;
}

static int make_snapshot(Manager *m, const Config *config, Snapshot **ret) {
        _cleanup_free_ char *bad_file = NULL;
        int r;

        r = snapshot_new(config, m->certificates, m->n_certificates, m->ticket_secret, m->n_workers,
                         m->snapshot, ret, &bad_file);
        if (r < 0)
                return log_error_errno(r, "Could not take over the configuration%s%s: %m",
                                       bad_file ? ", CA file " : "", strempty(bad_file));
        if (bad_file)
                log_error(
                        "The CA file %s cannot be used; the hosts with it are not connected to until it can "
                        "and the configuration is reloaded.",
                        bad_file);
        return 0;
}

static unsigned count_cpus(void) {
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (unsigned) MAX(CPU_COUNT(&set), 1);
}

static int take_sockets(const char *name, int *fds) {
        int n = daemon_listen_fds(name, fds, LISTEN_MAX / 2);

        if (n > (int) (LISTEN_MAX / 2))
                return -E2BIG;
        for (int i = 0; i < n; i++) {
                int flags = fcntl(fds[i], F_GETFL);
                if (flags < 0 || fcntl(fds[i], F_SETFL, flags | O_NONBLOCK) < 0)
                        return -errno;
        }
        return n;
}

static int start_workers(Manager *m) {
        int https[LISTEN_MAX], http[LISTEN_MAX], n_https, n_http, r;

        n_https = take_sockets("https", https);
        n_http = take_sockets("http", http);
        if (n_https < 0 || n_http < 0)
                return MIN(n_https, n_http);
        if (n_https == 0)
                log_warning("No socket named \"https\" was handed in; visitors cannot reach anything.");
        r = access_writer_new(m->n_workers, &m->access);
        if (r < 0)
                return r;
        m->workers = calloc(m->n_workers, sizeof(Worker *));
        if (!m->workers)
                return -ENOMEM;
        for (unsigned i = 0; i < m->n_workers; i++) {
                r = worker_new(i, m->workers, m->n_workers, &m->queue, m->snapshot, &crew_plan,
                               access_writer_ring(m->access, i), &m->workers[i]);
                if (r < 0)
                        return r;
                door_listen(m->workers[i], LISTEN_HTTPS, https, (size_t) n_https);
                door_listen(m->workers[i], LISTEN_HTTP, http, (size_t) n_http);
                r = worker_start(m->workers[i]);
                if (r < 0)
                        m->workers[i] = worker_free(m->workers[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

Past manager_outside(const Manager *m) {
        Past sum = m->past;

        for (unsigned i = 0; m->workers && i < m->n_workers; i++)
                for (OutsideWay way = 0; m->workers[i] && way < _OUTSIDE_WAY_MAX; way++) {
                        const Figures *c = m->workers[i]->figures;

                        sum.visits[way] += atomic_load_explicit(&c->outside[way], memory_order_relaxed);
                        sum.last_usec[way] = MAX(sum.last_usec[way],
                                                 atomic_load_explicit(&c->outside_usec[way],
                                                                      memory_order_relaxed));
                }
        return sum;
}

static void save_past(Manager *m) {
        const Past sum = manager_outside(m);

        past_save(m->past_file, &sum);
}

static int on_past_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        save_past(userdata);
        (void) sd_event_source_set_time_relative(s, PAST_SAVE_USEC);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int manager_setup(Manager *m, const Config *config) {
        int r;

        r = tls_global_init();
        if (r >= 0)
                r = tls_psk_global_init();
        if (r < 0)
                return r;
        if (gnutls_rnd(GNUTLS_RND_KEY, m->ticket_secret, sizeof(m->ticket_secret)) < 0)
                return -EIO;
        r = crowd_init();
        if (r >= 0)
                r = tenants_global_init();
        if (r < 0)
                return r;
        r = queue_init(&m->queue);
        if (r >= 0)
                r = sd_event_add_io(m->event, &m->queue_source, m->queue.event_fd, EPOLLIN, on_queue, m);
        if (r >= 0)
                r = make_snapshot(m, config, &m->snapshot);
        if (r >= 0)
                r = start_workers(m);
        if (r >= 0)
                r = pulse_new(m->event, m->workers, m->n_workers, &m->pulse);
        if (r >= 0)
                r = rounds_start(&m->rounds, m, config->proxy.probe_usec);
        if (r >= 0)
                r = sd_event_add_time_relative(m->event, &m->ticket_source, CLOCK_BOOTTIME, m->ticket_usec,
                                               /* accuracy= */ 0, on_ticket_timer, m);
        if (r >= 0)
                r = sd_event_add_time_relative(m->event, &m->open_source, CLOCK_MONOTONIC, MANAGER_OPEN_USEC,
                                               0, on_open_timer, m);
        if (r >= 0)
                r = sd_event_add_time_relative(m->event, &m->past_source, CLOCK_MONOTONIC, PAST_SAVE_USEC,
                                               PAST_SAVE_USEC / 2, on_past_timer, m);
        /* First, so that it is known who is inside when the first comes. */
        if (r >= 0)
                r = vl_watch_new(&m->network, m->event, "io.hagw.Net", "io.hagw.Net.WatchNetwork",
                                 manager_on_network, m);
        if (r >= 0)
                r = vl_watch_new(&m->acme, m->event, "io.hagw.Acme", "io.hagw.Acme.Watch",
                                 manager_on_certificates, m);
        if (r >= 0)
                r = vl_watch_new(&m->revocations, m->event, "io.hagw.Web", "io.hagw.Web.WatchRevocations",
                                 manager_on_revocations, m);
        if (r >= 0)
                r = tenant_watch_set(&m->tenants, m, config->tenants.zone);
        return r;
}

int manager_start(Daemon *daemon, const Config *config, void **ret_userdata) {
        Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->daemon = daemon;
        m->event = daemon_event(daemon);
        m->queue.event_fd = -EBADF;
        m->network_changes = UINT64_MAX;
        m->past_file = past_open(clock_usec(CLOCK_MONOTONIC), &m->past);
        m->news = config->tenants.zone ? 0 : MANAGER_TENANTS;
        m->n_workers = config->proxy.workers ?: count_cpus();
        m->ticket_usec = config->proxy.ticket_usec;
        weblink_init(&m->web, m->event);
        namelink_init(&m->names, m->event);
        agent_view_init(&m->agent, m->event);
        for (CallPeer i = 0; i < _CALL_PEER_MAX; i++)
                call_link_init(&m->calls[i], m->event, i == CALL_KEYD ? "io.hagw.Key" : "io.hagw.Tenant");
        r = manager_setup(m, config);
        if (r < 0) {
                manager_stop(m);
                return r;
        }
        agent_view_apply(&m->agent, m->workers[0], m->snapshot->relay);
        set_status(m);
        *ret_userdata = m;
        return 0;
}

int manager_reload(const Config *config, void *userdata) {
        Manager *m = userdata;
        Snapshot *s;
        int r;

        r = make_snapshot(m, config, &s);
        if (r < 0)
                return r;
        set_snapshot(m, s);
        agent_view_apply(&m->agent, m->workers[0], m->snapshot->relay);
        set_status(m);
        rounds_set(&m->rounds, config->proxy.probe_usec);
        if (tenant_watch_set(&m->tenants, m, config->tenants.zone) < 0)
                (void) log_oom();
        /* Also ends the tickets that were issued for another lifetime. */
        if (m->ticket_usec != config->proxy.ticket_usec) {
                m->ticket_usec = config->proxy.ticket_usec;
                (void) on_ticket_timer(m->ticket_source, /* usec= */ 0, m);
        }
        if (config->proxy.workers != 0 && config->proxy.workers != m->n_workers)
                log_notice("proxy.workers takes effect with the next start.");
        /* A worker in the middle of a turn would judge by the old configuration even a request that came
         * after whoever reloads was told that it is done. */
        m->n_settling += broadcast(m, &settled_message);
        m->reloading = m->n_settling > 0;
        return m->reloading;
}

/* The loop has ended; what the workers still ask is answered from here. */
static void stop_workers(Manager *m) {
        unsigned n = 0;

        for (unsigned i = 0; m->workers && i < m->n_workers; i++) {
                Message *q = m->workers[i] ? message_new(&stop_message) : NULL;

                if (!q)
                        continue;
                worker_send(m->workers[i], q);
                n++;
        }
        while (m->n_stopped < n) {
                struct pollfd p = { .fd = m->queue.event_fd, .events = POLLIN };

                (void) poll(&p, 1, -1);
                manager_serve_queue(m, /* stopping= */ true);
        }
        for (unsigned i = 0; m->workers && i < m->n_workers; i++)
                worker_free(m->workers[i]);
        free(m->workers);
}

static int on_drain_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        daemon_finish(((Manager *) userdata)->daemon);
        return 0;
}

/* A restart must not be felt: until those who are here have come to an end, everybody is served as before,
 * also who comes only now (stop.h). Then comes the short moment without anybody, in which visitors wait in
 * the sockets' backlog for the next process. */
void manager_drain(void *userdata) {
        Manager *m = userdata;
        uint64_t usec = m->snapshot->terms.drain_usec;

        rounds_done(&m->rounds);
        probes_done(&m->probes); /* nobody waits for these */
        /* More than the unit's TimeoutStopSec= where proxy.drain is. */
        (void) sd_notifyf(/* unset_environment= */ 0, "EXTEND_TIMEOUT_USEC=%" PRIu64,
                          usec + MANAGER_STOP_USEC);
        daemon_set_status(m->daemon, "stopping; those who are here have up to %" PRIu64 " s",
                          usec / USEC_PER_SEC);
        if (sd_event_add_time_relative(m->event, &m->drain_source, CLOCK_MONOTONIC, usec + STOP_MAX_USEC, 0,
                                       on_drain_timer, m) < 0)
                daemon_finish(m->daemon);
        broadcast(m, &drain_message);
}

void *manager_stop(void *userdata) {
        Manager *m = userdata;

        if (!m)
                return NULL;
        vl_watch_free(m->acme);
        vl_watch_free(m->revocations);
        vl_watch_free(m->network);
        tenant_watch_done(&m->tenants);
        m->pulse = pulse_free(m->pulse);
        giveback_done(&m->give_back);
        rounds_done(&m->rounds);
        probes_done(&m->probes);
        weblink_done(&m->web);
        namelink_done(&m->names);
        for (CallPeer i = 0; i < _CALL_PEER_MAX; i++)
                call_link_done(&m->calls[i]);
        save_past(m);
        m->past_file = past_close(m->past_file);
        sd_event_source_disable_unref(m->past_source);
        stop_workers(m);
        agent_view_done(&m->agent);
        access_writer_free(m->access);
        sd_event_source_disable_unref(m->queue_source);
        sd_event_source_disable_unref(m->ticket_source);
        sd_event_source_disable_unref(m->open_source);
        sd_event_source_disable_unref(m->drain_source);
        for (Message *q = m->queue.event_fd >= 0 ? queue_take(&m->queue) : NULL, *next; q; q = next) {
                next = q->next;
                message_free(q);
        }
        queue_done(&m->queue);
        snapshot_unref(m->snapshot);
        snapshot_unref(m->in_force);
        for (size_t i = 0; i < m->n_certificates; i++)
                tls_certificate_unref(m->certificates[i]);
        free(m->certificates);
        gnutls_memset(m->ticket_secret, 0, sizeof(m->ticket_secret));
        tls_psk_global_done();
        tls_global_done();
        free(m);
        return NULL;
}
