/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>
#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* Sees to it that what could not be written is written when that is possible again, and tells of it until
 * then. One per daemon; main thread. */

typedef struct Keeper Keeper;

#define KEEPER_RETRY_USEC (10 * USEC_PER_SEC)

typedef struct KeeperSpec {
        const char *dir;             /* the state directory */
        int (*save)(void *userdata); /* writes again what is in memory alone; may be NULL */
        void (*changed)(void *userdata); /* there are faults now, or none any more; may be NULL */
        void *userdata;
} KeeperSpec;

int keeper_new(Keeper **ret, sd_event *event, const KeeperSpec *spec);
Keeper *keeper_free(Keeper *k);

/* { stateDirectory, stateFreeBytes, stateLow, stateReadOnly, stateFaults }. */
int keeper_describe(const Keeper *k, sd_json_variant **object);
int keeper_metrics(const Keeper *k, sd_json_variant **metrics);
