/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* What an account may say to a certificate authority (RFC 8555): the JSON objects that hagw-acmed's requests
 * are made of, each member known by name. Whatever an authority could read otherwise than we do is refused,
 * above all a certificate request under a name that only resembles "csr". */

#define PAYLOAD_MAX (128U * 1024) /* characters; a request for 100 names has less than half of it */

typedef struct Payload {
        char *text; /* written anew from what was understood */
        void *csr;  /* DER of a finalize's certificate request; NULL: it has none */
        size_t csr_size;
} Payload;

void payload_done(Payload *p);
#define _cleanup_payload_ _cleanup_(payload_done)

/* -EINVAL: it is not signed; ret_reason (static) then says why. */
int payload_parse(const char *text, Payload *ret, const char **ret_reason);

/* True where each member of the object is one of these (NULL-terminated), and none stands twice. */
bool payload_has_only(sd_json_variant *object, const char *const *members);
