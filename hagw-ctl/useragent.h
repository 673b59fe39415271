/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* "Chrome on Linux" from a browser's User-Agent, as a person knows it again; what is none stays as it is,
 * cut to USERAGENT_TEXT_MAX. It is what the visitor says. out has room for USERAGENT_TEXT_MAX + 1; returns
 * out. Pure. */

#define USERAGENT_TEXT_MAX 40U
const char *useragent_describe(const char *agent, char *out);
