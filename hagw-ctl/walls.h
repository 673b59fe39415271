/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/view.h"

/* Who asks for a login at a host: this gateway, one behind it (a tenant's house, a service that is a
 * gateway), and one in front of it (a relay that opens visitors' TLS, another gateway). A host here is as
 * view_hosts() has it. */

/* For a table: one or two words. ret_open: nobody is known to ask. */
const char *walls_word(sd_json_variant *host, bool *ret_open);

/* One line each for who else asks, with print. walled: this gateway asks. */
void walls_explain(sd_json_variant *live, bool walled, bool tenant, void (*print)(const char *line));

/* At a relay: the hosts that lead to a house at which nobody asks at either end, in a sentence to be freed;
 * NULL: there is none. -ENOMEM. */
int walls_of_tenants(sd_json_variant *hosts, char **ret);

/* Who asks at the hosts whose visitors the relay has opened since hagw-proxyd runs, a sentence for each
 * answer that there is; to be freed. -ENOMEM. */
int walls_of_relay(sd_json_variant *hosts, char **ret);
