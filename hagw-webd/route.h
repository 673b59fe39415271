/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-webd/request.h"

/* Which handler answers which path. */

struct Route {
        const char *method; /* GET also answers HEAD */
        const char *path;
        bool prefix; /* whatever begins with the path */
        bool lan;    /* does not exist for visitors from outside */
        int (*handler)(Request *q);
        const char *moved; /* for moved_get(): where it stands now */
};

struct RouteTable {
        const Route *rows;
        size_t n_rows;
};

/* ret_rest: what follows a prefix. NULL: none, and ret_status says why (404, 405). */
const Route *route_find(const RouteTable *table, const char *method, const char *path, bool lan,
                        const char **ret_rest, unsigned *ret_status);
