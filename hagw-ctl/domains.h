/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What kind of name one is, as far as that is known without asking anybody. All take a normalized name. */

/* Nothing can be delegated below it: such names are for who has a router, or an account. */
bool domain_is_dynamic(const char *name);
/* It stands in the guides, and is nobody's. */
bool domain_is_example(const char *name);
/* Names are sold below it. Not all of those are known here. */
bool domain_is_sold_below(const char *name);
/* One that was bought as it is: a label below what names are sold below. */
bool domain_is_whole(const char *name);
