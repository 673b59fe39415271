/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/conn.h"

/* From a complete ClientHello in c->transport.in to the service of c->route, which is a tcp:// one. A
 * probe's ends as soon as there is a connection. May end c. */
void passage_to_service(Conn *c);
