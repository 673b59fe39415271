/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/verbs.h"

/* Waiting for certificates by io.hagw.Acme.Watch, telling what happens. */

#define CERTWAIT_DEFAULT_USEC (180 * USEC_PER_SEC)

/* The option --wait=SECONDS; told. */
int certwait_parse_option(const Call *call, uint64_t *ret_usec);

/* A person has gone through it all once more: hagw-acmed tries at once what has failed. It may not run. */
int certwait_retry(void);

/* Waits until the certificate of that name (NULL: every one) is valid and begins after `after_usec`
 * (CLOCK_REALTIME). Returns CTL_OK, CTL_FAILED where one failed or time ran out (told), or a negative errno
 * (told). */
int certwait(const char *name, uint64_t after_usec, uint64_t timeout_usec, bool quiet);
/* The same until it has another key than that (NULL: any), which each new one has. */
int certwait_other(const char *name, const char *key_id, uint64_t timeout_usec, bool quiet);
