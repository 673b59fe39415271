/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-keyd/keyd.h"

/* The methods of io.hagw.Key, a table for each file, and what these share. */

extern const VlMethod keyd_methods[], store_methods[], sign_methods[], account_methods[], token_methods[];

/* Counted. */
int keyd_refuse(sd_varlink *link, Keyd *keyd, const char *error, const char *reason);
/* The key, or NULL with *ret_answer set to what the handler returns. purpose may be _KEY_PURPOSE_INVALID:
 * any. */
Key *find_key(sd_varlink *link, Keyd *keyd, const char *id, KeyPurpose purpose, int *ret_answer);
int reply_key(sd_varlink *link, const Key *k);
