/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Names of users and their groups. Pure. */

#define USER_NAME_MAX 64U

/* 1–64 of a–z, 0–9, ".", "-", "_", "@". */
bool user_name_is_valid(const char *name);

/* What a person typed as a name, without the spaces and capitals that phones add. out has room for
 * USER_NAME_MAX + 1; what cannot be a name becomes "". */
void user_name_from_typed(const char *typed, char *out);
