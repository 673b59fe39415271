/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

/* The certificate of that name, with its chain; a mistyped name is told with the nearest. *ret is a new
 * reference. */
int cert_find(const char *name, sd_json_variant **ret);
