/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>
#include <systemd/sd-json.h>

#include "hagw-acmed/store.h"

/* Removes keys from hagw-keyd that nothing needs any more: those noted in the store, when their time has
 * come, and once after the start those that an interrupted order left behind. */

/* How long a replaced key is kept, for handshakes under way and for a chain that has to be put back. */
#define RETIRE_GRACE_USEC USEC_PER_DAY

typedef struct Retire Retire;

int retire_new(Retire **ret, sd_event *event, Store *store);
Retire *retire_free(Retire *r);

/* The keys that hagw-keyd has, an array: the first such list shows what was left behind. */
void retire_take_list(Retire *r, sd_json_variant *keys, uint64_t now_usec);

/* Removes what is due; returns when it wants to be called again (UINT64_MAX: never). */
uint64_t retire_run(Retire *r, uint64_t now_usec);
