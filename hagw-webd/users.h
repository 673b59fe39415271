/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"
#include "libhagw/pure/username.h"

/* The people who may log in, and what they may reach. Pure: the manager stores the table. */

#define USERS_MAX 256U
#define USER_LIST_MAX 64U       /* hosts, groups */

typedef struct User {
        char *name;
        char *hash; /* crypt(5) */
        char **hosts, **groups; /* NULL-ended, or NULL: none. hosts: "*", names, or "*.DOMAIN" */
        uint64_t created_usec, last_login_usec; /* CLOCK_REALTIME; 0: never */
} User;

typedef struct UserTable {
        User **items;
        size_t n, allocated;
} UserTable;

/* Every element "*", a host name or a pattern; normalizes in place. -EINVAL, -E2BIG. */
int user_hosts_check(char **hosts);
/* Every element a name as of users. */
int user_groups_check(char **groups);

User *user_find(const UserTable *t, const char *name);
/* Takes over hosts and groups on success. -EEXIST, -E2BIG, -ENOMEM. */
int user_add(UserTable *t, const char *name, const char *hash, char **hosts, char **groups,
             uint64_t created_usec, User **ret);
void user_remove(UserTable *t, User *u);
void user_table_done(UserTable *t);

/* May the user pass at this host? conf: the host's own list, NULL where the host is not configured. host:
 * normalized. */
bool user_may_reach(const User *u, const ConfHost *conf, const char *host);
