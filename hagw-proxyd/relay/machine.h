/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-id128.h>
#include <systemd/sd-json.h>

#include "libhagw/pure/channelframe.h"

/* What a machine of a tenant's house says of itself when it attaches, and so whom it can serve. No I/O. */

#define MACHINE_LACKING_MAX 32U /* a tenant has no more domains */

typedef struct Machine {
        char boot[SD_ID128_STRING_MAX]; /* empty: not said */
        bool opened_known, opened;      /* visitors whose TLS the relay has opened are let in */
        sd_json_variant *lacking;       /* domains that lead there without a host for them; NULL: none */
} Machine;

/* The parameters of Attach. What makes no sense is as good as not said. */
void machine_hear(Machine *m, sd_json_variant *parameters);
void machine_done(Machine *m);

/* Whether a visitor of this name (NULL: not known) is served there, as far as it has said. */
bool machine_suits(const Machine *m, ChannelVisitor kind, const char *name);
/* Two that have the same id are two machines: one was copied from the other. */
bool machine_is_copy(const Machine *m, const Machine *other);
