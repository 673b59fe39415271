/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-webd/route.h"

const Route *route_find(const RouteTable *table, const char *method, const char *path, bool lan,
                        const char **ret_rest, unsigned *ret_status) {
        unsigned status = MHD_HTTP_NOT_FOUND;

        for (size_t i = 0; i < table->n_rows; i++) {
                const Route *t = table->rows + i;
                const char *rest = startswith(path, t->path);
                if (!rest || (*rest && !t->prefix) || (t->lan && !lan))
                        continue;
                if (streq(method, t->method) || (streq(method, "HEAD") && streq(t->method, "GET"))) {
                        *ret_rest = rest;
                        return t;
                }
                status = MHD_HTTP_METHOD_NOT_ALLOWED;
        }
        *ret_status = status;
        return NULL;
}
