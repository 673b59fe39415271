/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdarg.h>

#include "libhagw/pure/macro.h"

/* The same name for the same trouble, however long it has lasted and whatever its figures are by now: the
 * sentence with its first value, if that is a text (whom it is about); or, where a finding is nothing but a
 * text, that without its figures and times. -ENOMEM. text: the whole finding. */
int finding_name(const char *format, va_list ap, const char *text, char **ret);
