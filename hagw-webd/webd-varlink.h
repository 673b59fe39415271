/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

/* io.hagw.Web, a row per method. userdata: the manager. */

extern const VlMethod webd_methods[];
