/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/settings.h"

/* With the group of hagw.conf, twice. */
#define BINDING_ADVICE                                                                                      \
        "This certificate authority wants an external account: set %s.eab_key_id and the credential "      \
        "%s.eab_hmac_key"

/* The proof that a new account with this key (JWK) is the external account's (RFC 8555 section 7.3.4); NULL
 * where none is configured. group: as authority_rank_to_group() has it. -ENOENT: its secret is not there. */
int binding_make(const char *group, const Authority *authority, const char *url, const char *jwk,
                 char **ret);
