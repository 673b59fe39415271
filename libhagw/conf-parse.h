/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf-schema.h"

/* Between conf.c and conf-parse.c. */

/* Fills an object of the scope with the schema's defaults. -ENOMEM. */
int conf_set_defaults(ConfScope scope, void *object);
