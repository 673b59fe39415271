/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/hostname.h"
#include "libhagw/pure/linkfault.h"
#include "libhagw/pure/refusal.h"

/* Houses behind a relay, as those see them who lead a visitor to one: what a house is called, and how it is
 * reached, is the relay room's, which hands this in. */

typedef struct Link Link;
typedef struct LinkClient LinkClient;
typedef struct Upstream Upstream;
typedef struct Worker Worker;

typedef struct FarSide {
        /* The house that a name belongs to; NULL: none. The answer may stand in out. */
        const char *(*find)(Worker *w, const char *name, char out[static HOSTNAME_LABEL_MAX + 1]);
        /* The house of this name wishes that its visitors' TLS is opened here. */
        bool (*is_opened)(Worker *w, const char *name);
        /* As link_connect(). */
        void (*connect)(Upstream *u, LinkClient *l);
        /* A link to the house has failed: why, as its visitor, who came for the name, is told; counted or
         * not. */
        Refusal (*refuse)(Worker *w, const char *house, const char *name, LinkFault fault, bool count);
        /* A link that it has made closes; its socket is still there. link->far is freed with the link. */
        void (*end)(Link *k);
} FarSide;
