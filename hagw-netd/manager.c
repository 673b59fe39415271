/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owns the sources, the netlink socket, the resolver and the state directory; logs and tells. Main thread
 * only. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-netd/manager.h"
#include "hagw-netd/netd-varlink.h"
#include "hagw-netd/store.h"
#include "libhagw/log.h"

static void manager_set_status(Manager *m) {
        char text[_MANAGER_SOURCES_MAX][IP_TEXT_MAX];
        const char *mark[_MANAGER_SOURCES_MAX];

        for (unsigned i = 0; i < _MANAGER_SOURCES_MAX; i++) {
                AddressState state = address_source_state(m->sources[i]);

                ip_format(&state.address, text[i]);
                mark[i] = state.error && state.address.family != AF_UNSPEC ? " (last good one)" : "";
        }
        daemon_set_status(m->daemon, "IPv4 %s%s, IPv6 %s%s", text[MANAGER_IPV4], mark[MANAGER_IPV4],
                          text[MANAGER_IPV6], mark[MANAGER_IPV6]);
}

int manager_save(void *userdata) {
        Manager *m = userdata;
        int r;

        if (m->state_fd < 0)
                return 0;
        r = store_save(m->state_fd, m->sources, ELEMENTSOF(m->sources));
        return r < 0 ? log_warning_errno(r, "Could not save the last good addresses: %m") : 0;
}

bool manager_is_asking(const Manager *m) {
        for (size_t i = 0; i < ELEMENTSOF(m->sources); i++)
                if (address_source_is_asking(m->sources[i]))
                        return true;
        return false;
}

/* True where they are others than before. */
static bool manager_take_published(Manager *m) {
        bool same = true;

        for (size_t i = 0; i < ELEMENTSOF(m->sources); i++) {
                const IpAddress a = address_source_state(m->sources[i]).address;

                same = same && ip_equal(&a, &m->published[i]);
                m->published[i] = a;
        }
        return !same;
}

static void manager_tell(Manager *m, bool changed) {
        if (changed) {
                manager_set_status(m);
                (void) manager_save(m);
                netd_varlink_tell_watchers(m);
                if (manager_take_published(m))
                        netd_varlink_tell_network(m);
        }
        if (m->n_refreshes > 0 && !manager_is_asking(m))
                netd_varlink_answer_refreshes(m);
}

static void on_source(AddressSource *s, bool changed, void *userdata) {
        Manager *m = userdata;

        if (!m->starting)
                manager_tell(m, changed);
}

/* True where they are others than before. */
static bool manager_take_hops(Manager *m, const NetTable *table) {
        IpAddress hops[NET_HOPS_MAX] = {};
        size_t n = net_table_hops(table, hops), bytes = MIN(n, (size_t) NET_HOPS_MAX) * sizeof(*hops);
        bool same = n == m->n_hops && memcmp(hops, m->hops, bytes) == 0;

        m->n_hops = n;
        memcpy(m->hops, hops, bytes);
        return !same;
}

/* The same. */
static bool manager_take_locals(Manager *m, const NetTable *table) {
        NetLocal locals[NET_LOCALS_MAX] = {};
        size_t n = net_table_locals(table, locals);
        bool same = n == m->n_locals;

        for (size_t i = 0; same && i < MIN(n, (size_t) NET_LOCALS_MAX); i++)
                same = locals[i].world == m->locals[i].world &&
                       ip_equal(&locals[i].address, &m->locals[i].address);
        m->n_locals = n;
        memcpy(m->locals, locals, sizeof(locals));
        return !same;
}

static void on_network(const NetTable *table, bool other_way, void *userdata) {
        Manager *m = userdata;
        bool other_hops = manager_take_hops(m, table);

        if (manager_take_locals(m, table))
                netd_varlink_tell_locals(m);
        if (other_way)
                m->n_changes++;
        if (other_way || other_hops)
                netd_varlink_tell_network(m);
        for (size_t i = 0; i < ELEMENTSOF(m->sources); i++)
                if (address_source_network_changed(m->sources[i]) < 0)
                        log_warning("Could not follow a change of the network for %s.",
                                    address_source_spec(m->sources[i]));
}

bool manager_refresh(Manager *m) {
        for (size_t i = 0; i < ELEMENTSOF(m->sources); i++) {
                int r = address_source_refresh(m->sources[i]);

                if (r < 0)
                        (void) log_warning_errno(r, "Could not ask %s: %m",
                                                 address_source_spec(m->sources[i]));
        }
        return manager_is_asking(m);
}

static int on_save(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        int r;

        (void) manager_save(m);
        r = sd_event_source_set_time_relative(m->save, MANAGER_SAVE_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(m->save, SD_EVENT_ONESHOT);
}

static void manager_load(Manager *m) {
        const char *dir = daemon_state_dir();
        int r;

        if (!dir) {
                log_info("No state directory: the last good addresses are not kept over a restart.");
                return;
        }
        m->state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = m->state_fd < 0 ? -errno : store_load(m->state_fd, m->sources, ELEMENTSOF(m->sources));
        if (r == -EBADMSG)
                log_warning("%s/%s was broken; it was set aside as %s.broken.", dir, STORE_FILE, STORE_FILE);
        else if (r < 0)
                (void) log_warning_errno(r, "Could not read the last good addresses: %m");
}

/* Of one configuration, all or nothing. */
static int make_sources(Manager *m, const Config *config, AddressSource *ret[static _MANAGER_SOURCES_MAX]) {
        int r;

        r = address_source_new(&ret[MANAGER_IPV4], m->event, m->netlink, AF_INET,
                               config->public_address.ipv4, config->documentation_networks, on_source, m);
        if (r < 0)
                return r;
        r = address_source_new(&ret[MANAGER_IPV6], m->event, m->netlink, AF_INET6,
                               config->public_address.ipv6, config->documentation_networks, on_source, m);
        if (r < 0)
                ret[MANAGER_IPV4] = address_source_free(ret[MANAGER_IPV4]);
        return r;
}

int manager_start(Daemon *daemon, const Config *config, void **ret_userdata) {
        Manager *m;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        *m = (Manager) { .daemon = daemon,
                         .event = sd_event_ref(daemon_event(daemon)),
                         .state_fd = -EBADF,
                         .starting = true };
        /* From here on manager_stop() releases it. */
        *ret_userdata = m;
        r = netlink_new(&m->netlink, m->event, on_network, m);
        if (r < 0)
                return log_error_errno(r, "Could not listen to the kernel's addresses and routes: %m");
        (void) manager_take_hops(m, netlink_table(m->netlink));
        (void) manager_take_locals(m, netlink_table(m->netlink));
        r = resolver_new(&m->resolver, m->event);
        if (r < 0)
                return r;
        r = make_sources(m, config, m->sources);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(m->event, &m->save, CLOCK_MONOTONIC, MANAGER_SAVE_USEC,
                                       USEC_PER_MINUTE, on_save, m);
        if (r < 0)
                return r;
        manager_load(m);
        (void) manager_refresh(m);
        m->starting = false;
        manager_set_status(m);
        (void) manager_save(m);
        return 0;
}

int manager_reload(const Config *config, void *userdata) {
        AddressSource *sources[_MANAGER_SOURCES_MAX] = {};
        Manager *m = userdata;
        bool changed = false;
        int r;

        r = make_sources(m, config, sources);
        if (r < 0)
                return r;
        m->starting = true;
        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                /* An unchanged source goes on as it is, with its timers. */
                if (!address_source_is_same(sources[i], m->sources[i])) {
                        AddressSource *old = m->sources[i];
                        AddressState state = address_source_state(old);

                        m->sources[i] = TAKE_PTR(sources[i]);
                        if (state.address.family != AF_UNSPEC)
                                address_source_restore(m->sources[i], state.held ?: address_source_spec(old),
                                                       &state.address, state.confirmed_usec,
                                                       state.changed_usec);
                        address_source_free(old);
                        (void) address_source_refresh(m->sources[i]);
                        changed = true;
                }
                address_source_free(sources[i]);
        }
        m->starting = false;
        manager_tell(m, changed);
        return 0;
}

void *manager_stop(void *userdata) {
        Manager *m = userdata;

        if (m->sources[MANAGER_IPV6])
                (void) manager_save(m);
        netd_varlink_done(m);
        resolver_free(m->resolver);
        for (size_t i = 0; i < ELEMENTSOF(m->sources); i++)
                address_source_free(m->sources[i]);
        netlink_free(m->netlink);
        sd_event_source_disable_unref(m->save);
        (void) safe_close(m->state_fd);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}
