/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "libhagw/crew/worker.h"
#include "libhagw/net/loop.h"
#include "libhagw/pure/freshlist.h"
#include "libhagw/pure/nametable.h"
#include "libhagw/pure/seldom.h"

/* The relay's tenants. Each has one worker, its home, chosen by a hash of its name: there its record lies,
 * and there its agents' control connections, its waiting channels and its visitors meet, so that no thread
 * looks into another's table. Visitors are handed to that worker as soon as their ClientHello is complete.
 * Every worker knows the domains of all tenants. */

#define TENANT_QUEUE_MAX 256U /* visitors of a tenant that wait for a channel, or for the house itself */
/* A house that was attached so recently is expected back, and at a start every one: its visitors wait for so
 * long at most. */
#define TENANT_EXPECTED_USEC STOP_EXPECTED_USEC
/* So soon after another: two machines that are not meant to be attached as one tenant take turns. */
#define TENANT_SWAP_USEC (10 * USEC_PER_MINUTE)
/* Two machines with one token, of which only one can be attached: each comes again within half of this. */
#define TENANT_SHARED_USEC (20 * USEC_PER_MINUTE)
#define TENANT_REPORT_USEC (10 * USEC_PER_SEC) /* what passed is told to hagw-tenantd so often */
/* And of a tenant whose month has a limit as soon as one of so many parts of it has passed, but not in
 * quicker succession than this. */
#define TENANT_STEPS 500U
#define TENANT_STEP_USEC (20 * USEC_PER_MSEC)
/* A tenant's machines may come and go as often as they like: so many lines of each kind a minute. */
#define TENANT_LINES_MAX 16U

typedef enum TenantLine {
        TENANT_LINE_ATTACHED,
        TENANT_LINE_DETACHED,
        TENANT_LINE_REPLACED,
        _TENANT_LINE_MAX,
} TenantLine;

typedef struct Channel Channel;
typedef struct Control Control;

struct Tenant {
        NameEntry entry;
        FreshEntry fresh;
        Worker *worker;
        TenantInfo *info;
        uint64_t domains_version; /* grows with each change of info->domains */
        uint64_t left_usec; /* when the last machine went; 0: none was here */
        uint64_t taken_usec[2]; /* when a machine took the place of one that was there: the last two times */
        char shared_id[RELAY_TOKEN_ID_LENGTH + 1]; /* of the token that both of them had, the last time */
        uint64_t shared_usec;
        Control *controls; /* attached; whose turn it is stands first */
        unsigned n_controls;
        unsigned n_channels; /* waiting and in use */
        ChannelClient *queue, **queue_end, *users;
        unsigned n_queue;
        RateLimit limit;
        uint64_t visits_usec; /* bucket of connections per second: when it will be full again */
        uint64_t received, sent, visitors; /* since the last report */
        FreshEntry busy; /* there may be something to report */
        Timer step;
        uint64_t step_usec; /* when one was told */
        RefusalCount refused[_REFUSAL_MAX];
        Seldom lines[_TENANT_LINE_MAX];
        char *asked; /* the last name that the house had no host for; NULL: none, or no memory */
};

typedef struct Tenants {
        Worker *worker;
        void (*on_change)(Worker *w); /* relay.h; NULL: nobody follows */
        NameTable table;   /* those whose home is here */
        NameTable domains; /* of all */
        NameTable owners;  /* who has domains */
        FreshList told, owners_told; /* by hagw-tenantd */
        Again sweep;                 /* those that it does not tell any more */
        uint64_t open_usec; /* since when anybody could attach */
        Control **controls; /* by slot, which stands in the session's id */
        size_t n_controls, next_slot;
        uint64_t descriptors; /* its share of what the process may have */
        Control *strangers; /* not attached (yet) */
        Timer report;
        RefusalLines refusal_lines;
        FreshList busy; /* since the last report; a report is a round */
        Again reporting;
        sd_json_variant *rows; /* of the report under way */
        size_t n_rows;
} Tenants;

uint64_t tenants_hash(const char *name);

/* Takes info over. NULL: no memory. */
Tenant *tenants_put(Worker *w, TenantInfo *info);

/* Whoever came by this session's channels and has heard nothing yet may ask again. */
void tenant_stale(Tenant *t, const uint8_t session_id[static CHANNEL_SESSION_ID_SIZE]);
/* A channel waits: somebody may want it. */
void tenant_serve(Worker *w, Tenant *t);

void tenants_stop(Worker *w);
void tenants_done(Worker *w);
/* Tells who follows (relay.h). */
static inline void tenants_changed(Worker *w) {
        if (w->tenants->on_change)
                w->tenants->on_change(w);
}
