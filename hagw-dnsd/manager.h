/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/answer.h"
#include "hagw-dnsd/listeners.h"
#include "hagw-dnsd/tcp.h"
#include "hagw-dnsd/udp.h"
#include "libhagw/daemon.h"
#include "libhagw/pure/seldom.h"

/* What hagw-dnsd is while it runs: the zones in force, the overlay, the sockets' servers, and the house's
 * addresses as netd tells them. Main loop only. */

#define MANAGER_SOCKETS_MAX 16U /* of each kind, handed in by systemd */
#define MANAGER_ANSWER_USEC \
        (5 * USEC_PER_MINUTE) /* a family of which nobody has told so long counts as without address */

/* Houses at a relay publish and withdraw as often as they like: so many lines a minute are told. */
#define MANAGER_TEXT_LINES_MAX 64U

typedef struct Manager {
        Daemon *daemon;
        sd_event *event;
        const Config *config; /* in force; replaced by a reload */
        AnswerSource source;
        ZoneAddress ipv4, ipv6;
        Seldom texts; /* in the log */
        bool ipv6_is_ours; /* an address of this machine, not one that was given by hand */
        Hops hops;
        UdpServer *udp;
        TcpServer *tcp;
        Listeners *listeners;
        VlWatch *locals_watch;   /* this machine's addresses, at which it listens */
        LocalAddress *locals;    /* NULL: netd has not told them */
        size_t n_locals;
        VlWatch *watch;          /* netd's addresses */
        VlWatch *network;        /* and its hops */
        VlWatch *tenants;        /* tenantd's accounts; NULL: this is no relay */
        char *tenants_zone;      /* that they are of */
        Accounts *accounts_next; /* what it has told of a first round that is not complete */
        VlWatch *acme;           /* acmed's accounts; NULL: no record is made of them */
        sd_event_source *expiry; /* of the overlay's first value to end */
        sd_event_source *doubt[2]; /* runs while IPv4, IPv6 is not known */
        sd_event_source *minute; /* tells of rate limiting, at most once a minute */
        uint64_t limited_told;
} Manager;

int manager_new(Daemon *daemon, const Config *config, void **ret);
void *manager_free(void *userdata);
DEFINE_TRIVIAL_CLEANUP_FUNC(Manager *, manager_free)

/* All or nothing. */
int manager_reload(const Config *config, void *userdata);

/* name: normalized text. -EHOSTUNREACH: in no zone of ours; else overlay_publish()'s errors. ret_serial: the
 * zone's, after. */
int manager_publish(Manager *m, const char *name, const char *value, const char *owner,
                    uint64_t lifetime_usec, uint32_t *ret_serial);
/* Returns how many values went. */
int manager_withdraw(Manager *m, const char *name, const char *value, const char *owner);

/* manager-listen.c: follows this machine's addresses, and listens where the configuration in force wants
 * it. */
int manager_follow_locals(Manager *m);
void manager_listen(Manager *m);

/* manager-tenants.c: follows hagw-tenantd where this is a relay, whose tenants are in the zone; NULL: it is
 * none. */
int manager_follow_tenants(Manager *m, const char *zone);
void manager_leave_tenants(Manager *m);

/* manager-acme.c: follows hagw-acmed where the configuration in force has records that list this machine's
 * accounts. */
int manager_follow_acme(Manager *m);
/* One { issuer, accountUri }, as hagw-acmed and hagw-tenantd tell it; borrowed. */
int account_line_from_json(sd_json_variant *v, AccountLine *ret);

/* manager-network.c: follows the hops that hagw-netd tells. */
int manager_follow_network(Manager *m);
/* Who counts as outside is judged anew: addresses or the configuration are others. */
void manager_renew_outside(Manager *m);
/* A name made up for one question in the zone of that name, to be asked for by that family (AF_UNSPEC: by
 * any). -EHOSTUNREACH: the zone is none of ours; -EADDRNOTAVAIL: nobody can ask by that family, since no
 * address of it is published for that; else trial_make()'s errors. */
int manager_make_trial(Manager *m, const char *zone, int family, const Trial **ret);
const Trial *manager_find_trial(Manager *m, const char *name);

/* manager-zones.c: builds the zones of a configuration with the manager's addresses, and puts them in force.
 * A zone whose content did not change keeps its serial; another gets a later one. */
int manager_make_zones(Manager *m, const Config *config);
/* Gives the zone that the name lies in a later serial. Returns it; 0 where there is none. */
uint32_t manager_bump_serial(Manager *m, const uint8_t *name, size_t size);
void manager_update_status(Manager *m);

int manager_metrics(sd_json_variant **metrics, void *userdata); /* dnsd-metrics.c */
