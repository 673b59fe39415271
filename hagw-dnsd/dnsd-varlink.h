/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

/* io.hagw.Dns: the handlers, which reach the Manager as their userdata. */
extern const VlMethod dnsd_methods[];
