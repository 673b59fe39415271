/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>
#include <systemd/sd-json.h>

/* Which keys hagw-keyd has: asked at once after the start, and then again and again, since they go without a
 * word (files removed, a backup that came back without them). */

#define KEYLOOK_USEC USEC_PER_MINUTE
#define KEYLOOK_RETRY_USEC (10 * USEC_PER_SEC) /* hagw-keyd could not be asked */

typedef struct KeyLook KeyLook;
/* They are asked for now: what is made from here on may be missing in the answer. */
typedef void (*KeyLookAsk)(void *userdata);
/* keys: io.hagw.Key's KeyInfos, an array; NULL: it could not be asked, which says nothing of them. */
typedef void (*KeyLookHandler)(sd_json_variant *keys, void *userdata);

int keylook_new(KeyLook **ret, sd_event *event, KeyLookAsk on_ask, KeyLookHandler on_keys, void *userdata);
KeyLook *keylook_free(KeyLook *l);

/* Asks where that is due; returns when it wants to be called again, behind an answer at the latest. */
uint64_t keylook_run(KeyLook *l, uint64_t now_usec);
