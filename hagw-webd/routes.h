/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-webd/route.h"

/* The pages that there are: each is a row of routes.c's table. */

extern const RouteTable page_routes;

int login_get(Request *q);
int login_post(Request *q);
int logout_get(Request *q);
int logout_post(Request *q);
int denied_get(Request *q);
int status_get(Request *q);
int metrics_get(Request *q);
