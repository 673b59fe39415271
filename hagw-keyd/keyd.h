/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon.h"
#include "keys.h"

/* What keyd.c owns and its varlink handlers use. */

typedef enum Signature {
        SIGNATURE_HANDSHAKE,
        SIGNATURE_JWS,
        SIGNATURE_REQUEST,
        SIGNATURE_PROOF, /* of the relay's token */
        _SIGNATURE_MAX,
} Signature;

typedef struct Keyd {
        Daemon *daemon;
        Keys *keys;
        int state_fd; /* the state directory */
        uint64_t signatures[_SIGNATURE_MAX], refusals; /* for the metrics */
} Keyd;

void keyd_update_status(Keyd *keyd);

extern const VlMethod keyd_methods[];
