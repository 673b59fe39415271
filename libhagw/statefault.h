/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* What of this process's state could not be written, and whether there is room for more. One table per
 * process; any thread. state_write() and state_remove() fill it; who writes otherwise notes it. */

#define STATE_FAULTS_MAX 16U /* files; the remedy for more is the same */
#define STATE_LOW_BYTES (64ULL * 1024 * 1024)
#define STATE_LOW_SHARE 20U /* or this part of a file system that is small */
#define STATE_FULL_BYTES (16ULL * 1024) /* less is no room for a file and its folder's entry */

/* result: what writing the file came to; a negative errno is kept with the time of the first one, anything
 * else ends it. file: as state_write() got it. size: bytes. */
void state_fault_note(const char *file, size_t size, int result);
bool state_fault_any(void);
/* How often something could not be written. */
uint64_t state_fault_total(void);
/* The largest of what could not be written, bytes. */
size_t state_fault_size(void);
/* All is over: what was to be kept was written since, or its writer was told that it failed. */
void state_fault_clear(void);

/* An array of { file, sinceUSec, reason }, names within dir with it in front. *ret is NULL for none. */
int state_fault_to_json(const char *dir, sd_json_variant **ret);
/* One line about the oldest one; NULL where there is none, or no memory. */
char *state_fault_text(const char *dir);

typedef struct StateSpace {
        uint64_t free_bytes; /* for who is not root */
        bool low;
        bool full; /* for root, too, who may use the last blocks of some file systems */
        bool read_only;
} StateSpace;

int state_space(const char *dir, StateSpace *ret);
