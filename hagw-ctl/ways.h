/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/delegation.h"
#include "libhagw/conf.h"

/* The ways by which the internet's questions come: each resolver asks by the address of the name server that
 * it likes; while one of them works nothing else tells that the other is shut. family: GLUE_IPV4 or
 * GLUE_IPV6. */

typedef enum Way {
        WAY_OPEN,     /* or nobody is to ask that way */
        WAY_UDP_ONLY, /* TCP does not come through */
        WAY_SHUT,     /* who was sent that way came by the other one */
        WAY_QUIET,    /* nobody has asked that way just now; nobody need have tried */
} Way;

const char *way_name(unsigned family);

/* When a question last came from the internet that way; 0: never. */
uint64_t way_last(const Delegation *d, unsigned family);

/* Of a zone whose delegation works: asks by that family alone where it was not seen. -ENOMEM. */
int way_look(const Delegation *d, unsigned family, Way *ret);
/* Whether what was found keeps visitors away, and is not only missing. */
bool way_is_problem(unsigned family, Way way);
/* A sentence, to be freed, with what mends it. address: the public one of that family. -ENOMEM. */
int way_say(const Config *c, const Delegation *d, unsigned family, Way way, const char *address, char **ret);
