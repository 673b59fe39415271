/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* Hosts that are reached through the relay alone: without it their names lead nowhere, and no certificate
 * can be had. Their files are set aside when a house is detached, and taken back when it is attached. */

#define ASIDE_SUFFIX ".detached"           /* of names below the relay's zone */
#define ASIDE_ELSEWHERE "-elsewhere"       /* follows it, of names in no zone of ours */

/* Nobody comes by its name without the relay. config: with the relay's zones. */
bool host_is_the_relays(const Config *config, const ConfHost *host);

/* Sets the files of such hosts aside; *ret: how many. Told. */
int hosts_set_aside(const Config *config, size_t *ret);

/* Takes back those whose names are the relay's again; what stands there by now stays. *ret: how many. Told.
 */
int hosts_take_back(const char *config_dir, const Config *config, size_t *ret);
