/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Where a mistake of syntax began: libconfig says where it noticed, which for a quote or a bracket that is
 * not closed may be many lines later. Pure. */

#define CONF_WHERE_MAX 160U

/* line: libconfig's, from 1. What is wrong goes to out, in words that follow "syntax error"; returns its
 * line, at most that one. */
unsigned conf_where(const char *text, unsigned line, char out[static CONF_WHERE_MAX]);
