/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

/* hagw-notify's state. */
const char *notify_folder(void);
/* What hagw-notify noted (its told.json): an object with the array targets. *ret is NULL where it never
 * ran, or may not be asked. -ENOMEM. */
int notify_read_told(sd_json_variant **ret);
/* That target's entry, or NULL. */
sd_json_variant *notify_find_target(sd_json_variant *told, const char *name);
