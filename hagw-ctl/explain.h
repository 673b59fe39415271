/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/client.h"

/* What went wrong in a call to a daemon, and what to do next, in words. *ret is to be freed; NULL: no
 * memory. Both return the negative errno that stands for it. */

/* id: the error that it answered with; parameters: that one's; method may be NULL. */
int explain_error(const DaemonRow *d, const char *method, const char *id, sd_json_variant *parameters,
                  char **ret);
/* error: the negative errno with which it could not be asked. */
int explain_errno(const DaemonRow *d, int error, char **ret);
