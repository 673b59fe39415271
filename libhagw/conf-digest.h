/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* What a configuration says to one daemon, short enough to be told: two that differ say different things.
 * Comments, the order of settings and what a setting's default is do not count, nor does what other
 * daemons read alone. Not for secrets, which stand in no configuration. */
typedef struct ConfDigest {
        uint64_t main;  /* of hagw.conf */
        uint64_t hosts; /* of hosts.d */
} ConfDigest;

#define CONF_DIGEST_TEXT_MAX 17U

/* daemon: its name, "hagw-dnsd". */
ConfDigest config_digest(const Config *c, const char *daemon);
const char *conf_digest_text(uint64_t digest, char out[static CONF_DIGEST_TEXT_MAX]);
