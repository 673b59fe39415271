/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Names that cannot stand in the DNS as they were typed, or have no certificate, for a reason that is worth
 * a sentence. */

/* -EINVAL: *ret_reason (to be freed) is the sentence, with the form that can, where there is one. 0: nothing
 * of the kind. -ENOMEM. */
int idn_refuse(const char *name, char **ret_reason);

/* 1: a name that can stand there, but has an underscore; *ret_reason is the sentence. 0, -ENOMEM. */
int idn_judge_underscore(const char *name, char **ret_reason);
