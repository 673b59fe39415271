/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <systemd/sd-json.h>

#include "libhagw/conf.h"

/* Is there a service behind a host, and do visitors get through to it? */

#define TRY_FAILING_MAX 8U /* by try_hosts(): each may take half a minute */
#define TRY_TOLD_MAX 8U /* of those that answer */

/* Asks hagw-proxyd to try the service, and shows that it is waited for, unless quiet. As client_try(). */
int try_probe(const char *name, const char *upstream, bool quiet, sd_json_variant **ret, char **ret_reason);

/* Has hagw-proxyd try it, and tells what came of it and where visitors find the host. -ENOTCONN: nobody
 * tried it; only the URL was told. -EREMOTEIO: visitors do not get through. */
int try_host(const char *config_dir, const char *name, const char *upstream);
/* The same for all of a configuration, until TRY_FAILING_MAX of them let nobody through, or nobody is there
 * to try them; json: only what fails is told. Returns how many were tried, and in *ret_failing how many of
 * these let nobody through. */
int try_hosts(const Config *config, bool json, unsigned *ret_failing);

/* hagw-netd asks up to three for 3 s each; who has a name answers at once. Where it is silent this machine's
 * own look-up has the rest. */
#define TRY_NAME_USEC (10 * USEC_PER_SEC)
#define TRY_NAME_NETD_USEC (7 * USEC_PER_SEC)

/* A service that is named by mDNS (homeassistant.local) is looked up, where that can be, for TRY_NAME_USEC
 * at most, which shows unless quiet; everything else is taken as it is. -ENOENT: nobody has the name now.
 * -EOPNOTSUPP: nobody here speaks mDNS, so that it can never be found. *ret_reason, to be freed, is a
 * sentence. -ENOMEM. */
int try_name(const char *upstream, bool quiet, char **ret_reason);
