/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-acmed/order.h"

/* What another daemon's error means: words for people, and how soon another try makes sense. */

#define EXPLAIN_MAX 512U /* characters */

/* parameters: the error's own, or NULL. out has room for EXPLAIN_MAX + 1. */
OrderFailure explain_error(const char *error, sd_json_variant *parameters, char *out);
