/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-ctl/glue.h"
#include "libhagw/conf.h"

/* To which name servers the zone above delegates, against the one that hagw-dnsd names at the zone's top.
 * Resolvers begin with the former and later go by the latter. */

/* parent: what the zone above answered; addresses: of the house, texts or NULL. *ret_detail: what is wrong
 * (to be freed), or NULL; *ret_problem: somebody who follows it does not arrive. Returns -ENOMEM or 0. */
int servers_check(const Config *config, const ConfZone *zone, sd_json_variant *parent,
                  const char *const addresses[_GLUE_FAMILIES_MAX], char **ret_detail, bool *ret_problem);
