/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

typedef struct Conn Conn;

/* Visitors of tenants: by the name that they ask for, to the tenant's home and on to a channel. */

/* The ClientHello is complete, c->name and c->route are set. True: c is taken care of, and may be gone.
 * False: it goes on here as with any host, by c->route, which may be another now: the relay opens its TLS.
 */
bool tenant_door(Conn *c);
