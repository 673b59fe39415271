/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/main/manager.h"

/* io.hagw.Proxy, the methods of a house that has a relay; answered by the main thread. */

extern const VlMethod relay_methods[];
