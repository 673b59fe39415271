/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/verbs.h"

/* Waiting for certificates by io.hagw.Acme.Watch, telling what happens. */

#define CERTWAIT_DEFAULT_USEC (180 * USEC_PER_SEC)

/* The option --wait=SECONDS; told. */
int certwait_parse_option(const Call *call, uint64_t *ret_usec);

/* A person has gone through it all once more: hagw-acmed tries at once what has failed. It may not run. */
int certwait_retry(void);

/* Waits until every certificate is valid. Returns CTL_OK, CTL_FAILED where one failed or time ran out
 * (told), or a negative errno (told). -EINTR: Ctrl-C ended the waiting, and nothing else. */
int certwait_all(uint64_t timeout_usec, bool quiet);
/* Until the one of that name has another key than that (NULL: any), which each new one has. Ctrl-C ends us.
 */
int certwait_other(const char *name, const char *key_id, uint64_t timeout_usec, bool quiet);
