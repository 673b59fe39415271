/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-netd/manager.h"

/* io.hagw.Net, see libhagw/vl-io.hagw.Net.c. */

extern const VlMethod netd_methods[];

void netd_varlink_tell_watchers(Manager *m);
void netd_varlink_tell_network(Manager *m);
void netd_varlink_tell_locals(Manager *m);
void netd_varlink_answer_refreshes(Manager *m);
/* Lets go of all callers. */
void netd_varlink_done(Manager *m);

/* query.c */
extern const VlMethod query_methods[];
void queries_done(Manager *m);
