/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-netd/address-source.h"
#include "hagw-netd/netlink.h"
#include "hagw-netd/resolver.h"
#include "libhagw/daemon.h"
#include "libhagw/vl.h"

/* The window's two panes: the house's addresses, each from its source, and the resolver. */

#define MANAGER_REFRESHES_MAX 16U
#define MANAGER_QUERIES_MAX   16U
#define MANAGER_SAVE_USEC     USEC_PER_HOUR /* confirmations alone are written this often */

enum { MANAGER_IPV4, MANAGER_IPV6, _MANAGER_SOURCES_MAX };

typedef struct Manager {
        Daemon *daemon;
        sd_event *event;
        Netlink *netlink;
        AddressSource *sources[_MANAGER_SOURCES_MAX];
        Resolver *resolver;
        VlStream watchers;
        VlStream network_watchers;
        VlStream local_watchers;
        uint64_t n_changes; /* of the way out */
        IpAddress hops[NET_HOPS_MAX]; /* net_table_hops(), as told last */
        IpAddress published[_MANAGER_SOURCES_MAX]; /* as hagw-proxyd was told */
        size_t n_hops; /* more than NET_HOPS_MAX: not all are there */
        NetLocal locals[NET_LOCALS_MAX]; /* net_table_locals(), as told last */
        size_t n_locals; /* may be more */
        sd_varlink *refreshes[MANAGER_REFRESHES_MAX]; /* callers that wait for the sources' answers */
        size_t n_refreshes;
        struct Query *queries;
        unsigned n_queries;
        int state_fd; /* -EBADF: nothing is kept */
        sd_event_source *save;
        bool starting;
} Manager;

int manager_start(Daemon *daemon, const Config *config, void **ret_userdata);
int manager_reload(const Config *config, void *userdata);
int manager_metrics(sd_json_variant **metrics, void *userdata);
/* Writes the last good addresses. */
int manager_save(void *userdata);
void *manager_stop(void *userdata);

/* Asks all sources. True: some of them will answer later. */
bool manager_refresh(Manager *m);
bool manager_is_asking(const Manager *m);
