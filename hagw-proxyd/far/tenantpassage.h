/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/visit/conn.h"

/* From a complete ClientHello in c->transport.in to a tenant's house, through a channel that a passage waits
 * for. At the tenant's home. May end c. */
void passage_to_tenant(Conn *c, Tenant *t);
