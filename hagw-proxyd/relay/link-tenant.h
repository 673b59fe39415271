/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/upstream/link.h"

/* Links whose connection is a tenant's channel: the relay has opened the visitor's TLS and speaks TLS with
 * the house within the channel. At the tenant's home. For link.c. */

/* Starts one for the client. */
void link_to_tenant(Upstream *u, LinkClient *l);
