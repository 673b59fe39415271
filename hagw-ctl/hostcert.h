/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* -EINVAL after telling, where a new host needs a certificate, and no authority can ever give one for its
 * name. */
int host_check_certificate(const Config *config, const char *name, const char *upstream);
