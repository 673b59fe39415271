/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/manager.h"

/* What goes on for as long as somebody listens: first all there is, then what changes. */

/* Begin the answer to Watch or WatchAccounts; return the handler's result. */
int feed_routes(Manager *m, sd_varlink *link);
int feed_accounts(Manager *m, sd_varlink *link);
