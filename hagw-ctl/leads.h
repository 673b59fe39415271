/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/cidr.h"

/* Whether a name whose DNS is kept elsewhere brings its visitors to the relay, as the world sees it. */

/* So many ancestors of a name are asked about; ha.home.example.co.uk has four. */
#define LEADS_ANCESTORS_MAX 6U

typedef enum Leads {
        LEADS_UNKNOWN, /* could not be asked, or what is seen from here is not what the world sees */
        LEADS_THERE,   /* by a CNAME, or with the relay's addresses alone */
        LEADS_ASTRAY,  /* an address is not the relay's */
        LEADS_NOWHERE, /* it has no address */
        LEADS_SILENT,  /* nobody answers for it, though an ancestor is answered for */
        _LEADS_MAX,
        _LEADS_INVALID = -EINVAL,
} Leads;

/* Asked through io.hagw.Net. 1: *ret is the answer; 0: nobody could say; -ENOMEM. */
int leads_query(const char *name, const char *type, sd_json_variant **ret);
bool leads_names(sd_json_variant *reply, const char *target);

/* documentation: the networks of examples are public here. stranger: where LEADS_ASTRAY leads. -ENOMEM. */
int leads_look(const char *name, const char *target, bool documentation, Leads *ret,
               IpAddress *ret_stranger);
/* As above, against this machine's addresses (io.hagw.Net.Watch's reply). Authorities take IPv6 first, so a
 * stranger there is the one that is told. */
int leads_look_here(const char *name, sd_json_variant *addresses, bool documentation, Leads *ret,
                    IpAddress *ret_stranger);
