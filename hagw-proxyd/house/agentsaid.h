/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/refusal.h"
#include "libhagw/pure/relaytoken.h"

/* What the relay says of this house while it is attached: first, and with its pings. No I/O. */

#define RELAY_DOMAINS_MAX 32U /* of a tenant's; hagw-tenantd has no more */

/* Of an agent that is attached, or was. */
typedef struct AgentAttached {
        uint64_t since_usec; /* CLOCK_REALTIME; 0: it is not attached */
        char zone[HOSTNAME_MAX + 1]; /* empty: never attached */
        char address[IP_TEXT_MAX + sizeof("[]:65535")]; /* the relay's */
        char token_id[RELAY_TOKEN_ID_LENGTH + 1]; /* that it was admitted with */
        uint64_t taken_over_usec; /* CLOCK_REALTIME: another machine took its place; 0: none that is there */
        struct {
                uint64_t n, last_usec; /* CLOCK_REALTIME */
                bool over;             /* since then the reason has ended */
        } refused[_REFUSAL_MAX]; /* our visitors, there, since it runs */
        char refused_name[HOSTNAME_MAX + 1]; /* the last that we had no host for; empty: not told */
        bool exhausted_known, exhausted; /* the month's bytes are used up, and nobody gets in */
        bool opens_known; /* as with the domains */
        unsigned n_opens;
        char opens[RELAY_DOMAINS_MAX][HOSTNAME_MAX + 3]; /* whose visitors' TLS it opens, and leads here */
        bool domains_known; /* what the next two say: an older relay does not tell them */
        unsigned n_domains;
        char domains[RELAY_DOMAINS_MAX][HOSTNAME_MAX + 3]; /* elsewhere that lead here; maybe "*.…" */
} AgentAttached;

/* Nothing of what follows is known (any more). */
void agent_said_forget(AgentAttached *t);
/* Of our visitors that it refused. A reason that it has learned since is left out. True: it said something,
 * and t may be another. */
bool agent_said_refused(AgentAttached *t, sd_json_variant *parameters);
/* Which domains elsewhere lead here. More than there is room for are as good as not told. As above. */
bool agent_said_domains(AgentAttached *t, sd_json_variant *parameters);
/* Of which names it opens the visitors' TLS, and leads them here. As above. */
bool agent_said_opens(AgentAttached *t, sd_json_variant *parameters);
/* Whether the month's bytes are used up. As above. */
bool agent_said_exhausted(AgentAttached *t, sd_json_variant *parameters);
/* That no other machine takes turns with this one (any more). As above. */
bool agent_said_alone(AgentAttached *t, sd_json_variant *parameters);
