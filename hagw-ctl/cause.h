/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/status.h"

/* Each trouble is told once, by its cause: what a cause that was told makes fail as well is left out. Causes
 * are judged first; what follows from one is known by what fails and by the words of its error, or by the
 * name of a daemon that is off. What has a cause of its own is told besides. */

/* What can fail by another's cause. */
typedef enum Effect {
        EFFECT_SERVICE, /* behind a host */
        EFFECT_CERTIFICATE,
        EFFECT_ADDRESS, /* the house's public one */
        EFFECT_RELAY,   /* being attached to it */
        EFFECT_EXPORT,
} Effect;

/* That the cause was told (status.h). */
void cause_note(Status *s, Cause c);

/* Whether an error follows from something that was told. NULL: it does not. name: whom it is about, where it
 * is a certificate's or a host's name; else NULL. */
bool cause_explains(const Status *s, Effect effect, const char *name, const char *error);
