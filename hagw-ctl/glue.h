/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/conf.h"

/* The addresses that the zone above gives for this zone's name server. A question that comes here by one of
 * them shows nothing of the other. */

enum { GLUE_IPV4, GLUE_IPV6, _GLUE_FAMILIES_MAX, GLUE_SERVERS = _GLUE_FAMILIES_MAX, _GLUE_MAX };

/* At which of the house's addresses (texts, or NULL) its name server can be asked; NULL where at none of the
 * kind: routers send IPv4 on to another port, and over IPv6 nobody does. */
const char *glue_address(const Config *config, unsigned family, const char *address);

/* Does the zone above have addresses of the name server's at all? */
bool glue_is_used(const ConfZone *zone);

/* What is said of each family's address, and of the servers' names (servers.h). */
typedef struct Glue {
        char *details[_GLUE_MAX]; /* what is wrong with it; NULL: nothing */
        bool problems[_GLUE_MAX]; /* who follows it does not arrive; else something is missing */
} Glue;
void glue_done(Glue *g);

/* addresses: of the house, texts or NULL. Where the zone above cannot be asked, or does not delegate,
 * nothing is found. Returns -ENOMEM or 0. */
int glue_check(const Config *config, const ConfZone *zone, const char *const addresses[_GLUE_FAMILIES_MAX],
               Glue *ret);
/* The house has, or may have, an address of the family, and what it is is not known now: nothing can be said
 * of the record. reply: io.hagw.Net.Watch's. */
bool glue_is_open(sd_json_variant *reply, size_t family);
/* From io.hagw.Net.Watch's reply. */
void glue_addresses(sd_json_variant *reply, const char *ret[_GLUE_FAMILIES_MAX]);
