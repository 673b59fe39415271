/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "libhagw/pure/macro.h"

/* Tells the relay after a start, through hagw-proxyd, which account at which authority is ours, until it has
 * taken it: it lists both in the CAA records of our name there (RFC 8657), and nobody else can have a
 * certificate for it. Each order tells it as well, and waits for it: this is for a relay that has lost it
 * between two orders. */

typedef struct RelayAccount RelayAccount;

int relay_account_new(RelayAccount **ret, sd_event *event);
RelayAccount *relay_account_free(RelayAccount *a);
DEFINE_TRIVIAL_CLEANUP_FUNC(RelayAccount *, relay_account_free)

/* What is to be told from now on. zone: our name at the relay. issuer: "" takes back what was told before.
 * Any of them NULL: nothing. The same once more is not told again. */
int relay_account_set(RelayAccount *a, const char *zone, const char *issuer, const char *uri);
