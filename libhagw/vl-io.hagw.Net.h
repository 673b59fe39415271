/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-varlink-idl.h>

#include "libhagw/pure/hops.h"

extern const sd_varlink_interface vl_interface_io_hagw_Net;

/* The hops of a message of WatchNetwork. What is no address, or one too many, leaves them unknown. */
void vl_read_hops(sd_json_variant *message, Hops *ret);
/* The house's public addresses of the same message; AF_UNSPEC: no more. */
#define PUBLISHED_MAX 2U
void vl_read_published(sd_json_variant *message, IpAddress ret[static PUBLISHED_MAX]);
