/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-keyd/key.h"

/* A certificate that is to be revoked. */

#define LEAF_MAX (32U * 1024) /* bytes of DER; one for 100 names has a fifth of it */

/* Exactly one certificate, nothing behind it; ret_key_id (KEY_ID_SIZE + 1): of the key that it is for.
 * -EBADMSG: it is none. */
int leaf_parse(const void *der, size_t size, char *ret_key_id);
