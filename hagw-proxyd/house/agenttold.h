/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/house/agentsaid.h"
#include "hagw-proxyd/wire/route.h"
#include "libhagw/net/relaytarget.h"

/* What this machine tells the relay when it attaches. */

/* The parameters of Attach. *told, JSON text or NULL, is replaced by what it says. */
int agent_told_build(const RelayTarget *t, const RouteTable *routes, const AgentAttached *said,
                     sd_json_variant *proof, char **told, sd_json_variant **ret);
/* The relay is to know what it leads here in vain, or not any more: it takes our word for another when we
 * attach anew. */
bool agent_told_is_old(const char *told, const RouteTable *routes, const AgentAttached *said);
/* There is a host now of the name that the relay refused somebody for. hosts: how many of those it had
 * refused when it heard of us last. */
bool agent_told_has_missed(uint64_t hosts, const RouteTable *routes, const AgentAttached *said);
