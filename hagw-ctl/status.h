/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-ctl/caa.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/conf.h"

/* hagw-ctl status: what the daemons say is gathered once, every judge looks at it and finds what it finds,
 * and then it is printed. A judge is one function and one row in verbs-status.c, and stands with its noun:
 * judge-machine.c (daemons, configuration), judge-addresses.c (and visitors), judge-doors.c (sockets,
 * ports), judge-state.c (the daemons' files), judge-folders.c (root's), judge-files.c (who may change the
 * configuration), judge-names.c (zones, hosts),
 * judge-ways.c,
 * judge-login.c (users),
 * judge-certs.c, judge-relay.c (of a house), judge-tenants.c (of a relay), judge-notify.c (who is told). */

/* What makes other things fail, too (cause.h). */
typedef enum Cause {
        CAUSE_CLOCK_BEHIND,
        CAUSE_CLOCK_AHEAD,
        CAUSE_DISK,
        CAUSE_RESOLVER,   /* names cannot be looked up */
        CAUSE_RELAY,      /* of a house: it is not attached */
        CAUSE_DELEGATION, /* of a zone: the world does not find it */
        CAUSE_CAA,
        CAUSE_CONFIG,     /* daemons keep what they had */
        CAUSE_PORT_53,    /* somebody else has it */
        CAUSE_PORT_80,
        CAUSE_PORT_443,
        _CAUSE_MAX,
} Cause;

#define STATUS_NO_ROOM_BYTES (64U * 1024) /* fewer are none: they would be told as 0.0 MiB */

typedef struct Status {
        sd_json_variant *addresses, *zones, *hosts, *certificates, *sessions, *daemons;
        sd_json_variant *relay, *tenants, *tenants_refused, *refusals, *caa, *hops, *visitors;
        CaaNames names;
        sd_json_variant *problems, *notices; /* strings */
        sd_json_variant *problem_names;      /* the same for as long as the trouble lasts; see findname.h */
        size_t n_problems, n_notices;
        bool unreachable, denied, lost;
        bool ask;       /* the resolver may be asked */
        Config *config;     /* NULL: broken */
        char *config_error; /* then: file, line and reason */
        int config_errno;   /* and what kind; -ENOENT: there is none, -EACCES: it may not be read */
        bool unset;         /* nothing was set up here yet */
        const char *config_dir;
        bool told[_CAUSE_MAX];
        bool answers;      /* hagw-dnsd has zones, whatever the files say */
        bool opener_told;  /* hagw-bind.socket is shut */
        bool address_told[2]; /* of IPv4, of IPv6: what is wrong with the public address */
        bool beside_told;  /* that hagw-dnsd can have port 53 again */
        bool glue_told[2]; /* of IPv4, of IPv6: what is wrong with the record of a name server's address */
        size_t n_off; /* daemons that are off, where judge_config() tells them with the reason */
        uint32_t masked; /* a bit for each of the daemons that nothing starts, which was told */
} Status;

/* A finding is one sentence, or two: what hurts, and the remedy. A problem keeps visitors away or needs a
 * person, and makes the exit status 1; a notice does not. */
void status_problem(Status *s, const char *format, ...) _printf_(2, 3);
void status_notice(Status *s, const char *format, ...) _printf_(2, 3);

/* 0, or -ENOMEM; what is found is in s. */
int judge_daemons(Status *s);
int judge_clock(Status *s);
int judge_state(Status *s);
int judge_folders(Status *s);
int judge_files(Status *s);
int judge_boot(Status *s);
int judge_config(Status *s);
int judge_addresses(Status *s);
int judge_doors(Status *s);
int judge_listeners(Status *s);
/* Behind judge_zones(), which has the questions. */
int judge_beside(Status *s);
/* hagw-dnsd has the port that setup gives it beside another program, which is gone, and no question has come
 * there lately. */
bool status_is_beside_nobody(const Status *s);
int judge_hops(Status *s);
int judge_visitors(Status *s);
int judge_families(Status *s);
int judge_relay(Status *s);
int judge_tenants(Status *s);
int judge_gaps(Status *s);
int judge_users(Status *s);
int judge_hosts(Status *s);
int judge_certificates(Status *s);
int judge_zones(Status *s);
/* Of a zone that is found: by IPv4 and IPv6, UDP and TCP? */
int judge_ways(Status *s, const Delegation *d);
int judge_caa(Status *s);
/* Behind judge_caa(), which knows the names. */
int judge_proofs(Status *s);
int judge_notify(Status *s);
int judge_exports(Status *s);

/* Of connections from the internet: when the last visitor came; when the last one came to a port ("https",
 * "http"), which at a relay may be a house's; 0: none; and since when that is known, 0: not, or it is of no
 * interest here. CLOCK_REALTIME. */
uint64_t status_last_visitor(const Status *s);
uint64_t status_last_house(const Status *s);
uint64_t status_last_at(const Status *s, const char *port);
uint64_t status_visitors_since(const Status *s);

/* A time server has set this machine's clock since it started; and what it says, in TIME_TEXT_MAX bytes. */
bool status_clock_is_set(void);
const char *status_clock_text(char *out);

/* One that the world can come to, as a text; NULL is none that it could not. */
bool status_address_is_usable(const Status *s, const char *text);
/* There is none by which the world could come here, and there should be. */
bool status_has_no_address(const Status *s);
/* Its visitors come through the relay, and nobody gave it one. */
bool status_needs_no_address(const Status *s);

/* The world does not find the zone, as was told; or not one of those that it should find. */
bool status_zone_is_lost(const Status *s, const char *zone);
bool status_is_lost(const Status *s);
bool status_runs(const Status *s, const char *daemon);
/* It runs with what the files say, as far as it reads them; s->config is not what it goes by otherwise. */
bool status_goes_by_files(const Status *s, const char *daemon);

/* That the daemon runs behind a door that is shut. -ENOMEM. */
int status_mark_shut(Status *s, const char *daemon);

/* Everything but the printing. Told where it fails. look: the services are tried first, for who reads it
 * now; of one that is just restarting nobody wants a message. */
int status_gather(Status *s, const Call *call, bool look);
void status_done(Status *s);

int status_print(const Status *s);
int status_print_json(const Status *s);
