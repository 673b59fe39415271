/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf-schema.h"

/* Between conf.c, conf-parse.c, conf-kept.c, and hagw-ctl where it looks at single files. */

/* Fills an object of the scope with the schema's defaults. -ENOMEM. */
int conf_set_defaults(ConfScope scope, void *object);

/* Into a configuration that is being put together. */
int config_load_file(const char *path, bool host, Config *c, char **ret_error);
/* Takes the host that was parsed last out again. */
void config_drop_last_host(Config *c);
/* What no single file can know; the end of putting it together. */
int config_check_whole(Config *c, char **ret_error);
