/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-ctl/leads.h"
#include "libhagw/conf.h"

/* Hosts whose names lie in no zone of this gateway: somebody else leads their visitors here, or nobody
 * does. */

/* A look at many names ends after this time: somebody waits for the screen. */
#define LOST_LOOK_USEC (10 * USEC_PER_SEC)

/* Its DNS is kept elsewhere, and its visitors are to come to this machine by an address of its own. */
bool lost_is_outside(const Config *c, const ConfHost *h);

/* Somebody from outside is to find it, as far as can be told: not one that is for the house alone, nor one
 * whose name no public DNS can have, nor a tenant's. */
bool lost_wants_visitors(const ConfHost *h);

/* Where the world is led that asks for it. addresses: hagw-netd's. -ENOMEM. */
int lost_look(const Config *c, const ConfHost *h, sd_json_variant *addresses, Leads *ret,
              IpAddress *ret_stranger);

/* Why nobody finds it, and the remedy, as *ret, to be freed. 1; 0: it is found, or nobody could say;
 * -ENOMEM. *ret_sure: its owner cannot mean that. certificates: hagw-acmed's. */
int lost_complaint(const ConfHost *h, Leads leads, sd_json_variant *certificates, bool *ret_sure,
                   char **ret);
