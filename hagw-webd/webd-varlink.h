/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

/* io.hagw.Web, a table for each file. userdata: the manager. */

/* Who was to be shut out is, and it could not be written down: answers so. */
int reply_not_stored(sd_varlink *link, int error);

extern const VlMethod webd_methods[], user_methods[];
