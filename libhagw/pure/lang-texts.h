/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/lang.h"

/* The tables of texts, a file each; for lang.c alone. */

extern const char *const lang_en[_TEXT_MAX], *const lang_de[_TEXT_MAX], *const lang_fr[_TEXT_MAX];
