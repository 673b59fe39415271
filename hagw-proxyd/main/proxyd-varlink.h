/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/main/manager.h"

/* io.hagw.Proxy, answered by the main thread. */

extern const VlMethod proxyd_methods[];
