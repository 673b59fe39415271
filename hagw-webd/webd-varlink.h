/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

/* io.hagw.Web, a table for each file. userdata: the manager. */

extern const VlMethod webd_methods[], user_methods[];
