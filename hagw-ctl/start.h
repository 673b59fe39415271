/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/client.h"

/* hagw.target is active. */
bool gateway_runs(void);

/* Enables and starts hagw.target with what this machine needs, and waits until every daemon that is
 * needed answers; where it ran already the daemons take the configuration over. What fails keeps none of the
 * others from being started. Told: -ENOTCONN where something did not come up, and *ret_off is the first such
 * daemon, or NULL. quiet: waiting is not shown. */
int start_gateway(const Config *config, bool quiet, const DaemonRow **ret_off);
