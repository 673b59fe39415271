/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of users: names, hashes, what they may reach. Owns its users. Pure. */

#include "hagw-webd/users.h"
#include "libhagw/pure/admit.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/strv.h"

int user_hosts_check(char **hosts) {
        for (size_t i = 0; hosts && hosts[i]; i++) {
                char name[HOSTNAME_MAX + 1];
                const char *rest = startswith(hosts[i], "*.") ?: hosts[i];
                int r;

                if (i >= USER_LIST_MAX)
                        return -E2BIG;
                if (streq(hosts[i], "*"))
                        continue;
                r = hostname_normalize(rest, strlen(rest), name);
                if (r < 0)
                        return r;
                /* Normalizing never makes a name longer. */
                memcpy(hosts[i] + (rest - hosts[i]), name, (size_t) r + 1);
        }
        return 0;
}

int user_groups_check(char **groups) {
        for (size_t i = 0; groups && groups[i]; i++) {
                if (i >= USER_LIST_MAX)
                        return -E2BIG;
                if (!user_name_is_valid(groups[i]))
                        return -EINVAL;
        }
        return 0;
}

static User *user_free(User *u) {
        if (!u)
                return NULL;
        free(u->name);
        if (u->hash)
                explicit_bzero(u->hash, strlen(u->hash));
        free(u->hash);
        strv_free(u->hosts);
        strv_free(u->groups);
        free(u);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(User *, user_free)

User *user_find(const UserTable *t, const char *name) {
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->items[i]->name, name))
                        return t->items[i];
        return NULL;
}

int user_add(UserTable *t, const char *name, const char *hash, char **hosts, char **groups,
             uint64_t created_usec, User **ret) {
        _cleanup_(user_freep) User *u = NULL;

        if (user_find(t, name))
                return -EEXIST;
        if (t->n >= USERS_MAX)
                return -E2BIG;
        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        u->name = strdup(name);
        u->hash = strdup(hash);
        u->created_usec = created_usec;
        if (!u->name || !u->hash || !GREEDY_REALLOC(t->items, t->allocated, t->n + 1))
                return -ENOMEM;
        u->hosts = hosts;
        u->groups = groups;
        if (ret)
                *ret = u;
        t->items[t->n++] = TAKE_PTR(u);
        return 0;
}

void user_remove(UserTable *t, User *u) {
        for (size_t i = 0; i < t->n; i++)
                if (t->items[i] == u) {
                        t->items[i] = t->items[--t->n];
                        user_free(u);
                        return;
                }
}

void user_table_done(UserTable *t) {
        for (size_t i = 0; i < t->n; i++)
                user_free(t->items[i]);
        free(t->items);
        *t = (UserTable) {};
}

bool user_may_reach(const User *u, const ConfHost *conf, const char *host) {
        return conf && admit_reaches(u->hosts, host) &&
               admit_lists(conf->access.users, conf->access.groups, u->name, u->groups);
}
