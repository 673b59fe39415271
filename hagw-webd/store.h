/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-webd/manager.h"

/* What survives: users.json, sessions.json and form.key in the state directory. Logins, logouts and changes
 * of users are stored at once; when something was last used is stored with them or every few minutes, so
 * that requests write nothing. */

/* Reads all three. What is broken is set aside and noted in m->notes; only lack of memory is an error. */
int store_load(Manager *m);

int store_users(Manager *m);
int store_sessions(Manager *m);
/* Stores what is dirty; failures are logged. */
int store_flush(Manager *m);
