/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/setup.h"

/* A house on its way to a relay. */

typedef struct Attach {
        const Call *call;
        Setup setup;
        char address[TYPED_MAX + 1];
        const char *pin;           /* NULL where not given */
        char *code, *token;        /* one of them, or neither: the token that hagw-keyd holds */
        char *path, *before;       /* hagw.conf; its text, NULL: there was none */
        char *wrote;               /* the text in its place, to be undone; NULL: it is as it was */
        bool started;              /* to be undone, too */
        char *tenant, *zone;
} Attach;

/* The options, and what was asked for; nothing is changed yet. Told. */
int attach_gather(Attach *a);

/* A name that the hosts can be judged with before the zone is known; to be freed. */
char *attach_guess_zone(const Attach *a);

/* Told; returns -EINVAL. */
int attach_refuse_no_code(const Attach *a);

/* The relay does not take the code: a person is asked for another one. False: there is nobody to ask, or no
 * need, which was told. */
bool attach_ask_again(Attach *a);

/* Nothing came of it: this machine is as it was, but for what somebody else has changed meanwhile. Told. */
void attach_undo(const Attach *a);
