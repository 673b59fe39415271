/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf.h"

/* Enables and starts hagw.target with what this machine needs, and waits until every daemon that is
 * needed answers; where it ran already the daemons take the configuration over. Told: -ENOTCONN where
 * something did not come up. */
int start_gateway(const Config *config);
