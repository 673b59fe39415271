/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/conn.h"

/* HTTP/1.1 on a visitor's connection: request after request, each a new exchange, while nobody else serves
 * it. */

extern const Room h1_room;
