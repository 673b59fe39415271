/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/http/sessions.h"
#include "hagw-proxyd/main/agentview.h"
#include "hagw-proxyd/main/hidden.h"
#include "hagw-proxyd/main/past.h"
#include "hagw-proxyd/main/probe.h"
#include "hagw-proxyd/main/rounds.h"
#include "hagw-proxyd/main/tenantwatch.h"
#include "hagw-proxyd/main/trial.h"
#include "hagw-proxyd/main/weblink.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "hagw-proxyd/wire/balancer.h"
#include "libhagw/crew/accesswriter.h"
#include "libhagw/crew/calllink.h"
#include "libhagw/crew/giveback.h"
#include "libhagw/crew/namelink.h"
#include "libhagw/crew/pulse.h"
#include "libhagw/crew/worker.h"
#include "libhagw/daemon.h"
#include "libhagw/vl-io.hagw.Net.h"

/* The main thread: configuration and certificates become snapshots, workers' questions are asked, figures
 * are summed up. */

/* Visitors wait so long in the sockets' backlog for the first word from hagw-acmed, and at a relay from
 * hagw-tenantd: without a certificate, or as visitors of nobody, they would be turned away. */
#define MANAGER_OPEN_USEC (3 * USEC_PER_SEC)
#define MANAGER_STOP_USEC (15 * USEC_PER_SEC) /* beyond proxy.drain, for what is left to do */

typedef enum ManagerNews {
        MANAGER_CERTIFICATES = 1 << 0,
        MANAGER_TENANTS = 1 << 1,
        _MANAGER_NEWS_ALL = (1 << 2) - 1,
} ManagerNews;

typedef struct Manager {
        Daemon *daemon;
        sd_event *event;
        Queue queue;
        sd_event_source *queue_source, *ticket_source, *open_source, *drain_source;
        unsigned news; /* ManagerNews that were heard, or are not waited for */
        Worker **workers;
        unsigned n_workers, n_drained, n_stopped;
        unsigned n_settling; /* words of workers that are under way: that they go by the newest snapshot */
        bool reloading;      /* whoever reloads waits for them */
        AccessWriter *access;
        Snapshot *snapshot, *in_force; /* the newest; what all workers went by last, NULL: not known yet */
        TlsCertificate **certificates;
        size_t n_certificates;
        uint8_t ticket_secret[TLS_TICKET_SECRET_SIZE];
        uint64_t ticket_usec; /* how long a secret is used, and so a ticket resumes at most */
        VlWatch *acme, *revocations, *network;
        Hops hops;
        IpAddress published[PUBLISHED_MAX]; /* the house's public addresses, as hagw-netd says */
        uint64_t network_changes; /* as hagw-netd counts them; UINT64_MAX: not known */
        Hidden hidden;
        Hidden balancers[_BALANCER_HEADER_MAX]; /* by how they begin */
        Past past; /* of processes before this one */
        PastFile *past_file;
        sd_event_source *past_source;
        WebLink web;
        NameLink names;
        CallLink calls[_CALL_PEER_MAX];
        TenantWatch tenants;
        AgentView agent;
        Probe *probes;
        Trial *trials;
        Rounds rounds;
        Pulse *pulse;
        GiveBack give_back;
} Manager;

int manager_start(Daemon *daemon, const Config *config, void **ret_userdata);
int manager_reload(const Config *config, void *userdata);
void manager_drain(void *userdata);
int manager_metrics(sd_json_variant **metrics, void *userdata);
void *manager_stop(void *userdata);

/* What the workers have sent, in manager-messages.c. stopping: nobody is asked any more. */
void manager_serve_queue(Manager *m, bool stopping);
/* Something was heard of for the first time: the door opens when all was. */
void manager_heard(Manager *m, ManagerNews news);
/* Who came from the internet, with those that were here before. */
Past manager_outside(const Manager *m);
/* The same hosts and settings with what is new otherwise. */
void manager_renew_snapshot(Manager *m);
/* io.hagw.Net.WatchNetwork, in manager-network.c. */
void manager_on_network(sd_json_variant *message, void *userdata);
/* io.hagw.Acme.Watch, in manager-certificates.c. */
void manager_on_certificates(sd_json_variant *message, void *userdata);
/* In manager-sessions.c. */
void manager_on_used(Manager *m, const UsedMessage *u);
/* io.hagw.Web.WatchRevocations. */
void manager_on_revocations(sd_json_variant *message, void *userdata);

/* What the gateway in front said last. */
typedef struct OuterReading {
        uint64_t usec; /* CLOCK_MONOTONIC; 0: there is none */
        OuterKind kind;
        bool asks;
} OuterReading;

/* One snapshot of the workers' sums. */
typedef struct HostReading {
        uint64_t requests, active, ok_usec, good_usec, inner_usec; /* CLOCK_MONOTONIC; 0: never */
        InnerLogin inner; /* what a gateway behind said last, at inner_usec; _INVALID: nothing */
        OuterReading outer;
        unsigned status; /* of the last trial's answer; 0: none, or a visitor has got through since */
        bool failing; /* visitors do not get through, as far as is known */
        bool found;   /* failing, and why was found by a trial: finding_text; else error says it */
} HostReading;
HostReading host_stats_read(const HostStats *s);
