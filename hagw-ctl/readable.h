/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* Whether the daemons, which are neither root nor this user, can read what the configuration names, and
 * find there what they need. 0, or a negative errno with the problem in words (to be freed; NULL: no
 * memory). */

/* hagw.conf, hosts.d and the files in it. */
int readable_check(const char *dir, const Config *config, char **ret_problem);

/* A file of CA certificates; dir is where the configuration stands. */
int readable_check_ca(const char *dir, const char *path, char **ret_problem);

/* Every CA file that the configuration names. */
int readable_check_cas(const char *dir, const Config *config, char **ret_problem);
